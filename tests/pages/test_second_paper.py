"""What each page on the second paper has of its own: layers, planes, wrong ways, forty layers, learned values."""

import re

import pytest

from bnviz import experiments
from bnviz.core import presets
from bnviz.core.config import RunConfig

TINY = {"widths": "12,12", "batch": "32", "steps": "20", "probe_points": "4", "curve_points": "3", "test_samples": "50"}
PLANES = {"surface-standard", "surface-batch norm", "contour-standard", "contour-batch norm"}
DEEP = presets.DEEP_LINEAR.base.to_query(presets.DEFAULTS["covariate_shift"])


def probed(asked, probe):
    return [config for config in asked if probe in config.probes]


def test_noisy_bn_compares_four_arms_also_in_the_noise_that_the_link_says(opened, asked, finish, groups):
    link = TINY | {"noise_mean": "3", "noise_at_test": "true", "seed": "71"}
    at = finish(opened("noisy_bn", **link, layer="2", unit="1"))
    assert [config.norm for config in asked] == ["none", "batch", "noisy_batch", "noisy_none"]
    noisy = [config for config in asked if config.norm.startswith("noisy")]
    assert {(config.option("noise_mean"), config.option("noise_at_test")) for config in noisy} == {(3.0, True)}
    drawn = groups(at, "noisy_bn")
    arms = ("standard", "batch norm", "noisy batch norm", "noisy standard")
    assert list(drawn["history"]["charts"]) == [f"history-{arm}" for arm in arms]
    assert all(f"{arm} " in drawn["learning"]["caption"] for arm in arms)


def test_the_papers_deep_linear_network_has_no_accuracy_and_a_verdict_of_its_own(
    opened, asked, groups, verdicts, words
):
    at = opened("covariate_shift", **DEEP, layer="20")
    assert asked == [], "the gallery has it"
    assert at.query_params == DEEP | {"layer": "20"}
    assert not at.warning
    drawn = groups(at, "covariate_shift")
    assert list(drawn["learning"]["charts"]) == ["loss"]
    assert drawn["layer"]["title"].startswith("Layer 20:")
    for claim in experiments.load("covariate_shift_dln").claims:
        assert claim.statement in verdicts(at)
    assert experiments.load("covariate_shift_mlp").claims[0].statement not in verdicts(at)
    assert not [said for said in words(at, "covariate_shift") if re.search(r"\b(nan|inf|None)\b", said)]


def test_the_deep_linear_network_is_trained_with_other_settings_too(opened, asked, finish, groups, words):
    link = DEEP | {"steps": "12", "probe_points": "3", "curve_points": "3", "lr": "0.001", "seed": "72"}
    at = finish(opened("covariate_shift", **link, layer="12", seeds="3"))
    assert len(asked) == 6
    assert not at.error
    assert list(groups(at, "covariate_shift")["learning"]["charts"]) == ["loss"]
    assert not [said for said in words(at, "covariate_shift") if re.search(r"\b(nan|inf|None)\b", said)]


@pytest.mark.parametrize(("given", "used"), [("99", 11), ("12", 11), ("0", 2), ("1", 2)])
def test_a_layer_that_is_not_there_is_told_in_a_sentence(given, used, opened, asked):
    at = opened("covariate_shift", layer=given)
    (warning,) = at.warning
    assert f"from 2 to 11, not {given}; layer={used} is used" in warning.value
    assert at.number_input(key="covariate_shift.layer").value == used
    assert asked == []
    at.run()
    (again,) = at.warning
    assert "from 2 to 11" in again.value, "nothing is in front of the first"


def test_the_landscape_opens_with_the_plane_and_the_wrong_ways_of_the_gallery(opened, asked, groups):
    at = opened("loss_landscape")
    drawn = groups(at, "loss_landscape")
    assert asked == []
    assert drawn["plane"]["charts"].keys() == PLANES
    assert drawn["plane"]["action"]["label"].count("{step}") == 1
    assert drawn["wrong"]["charts"].keys() == {"wrong-band", "right-band", "wrong-difference", "right-difference"}
    (switch,) = [toggle for toggle in at.toggle if toggle.label == "Wrong ways beside it"]
    assert (switch.value, switch.disabled) == (True, True), "what is shown is not said to be off"
    assert "wrong_ways" not in at.query_params


def test_a_plane_is_mapped_at_the_update_that_was_clicked(opened, asked, finish, groups):
    link = TINY | {"seed": "73"}
    at = finish(opened("loss_landscape", **link))
    assert probed(asked, "landscape_plane") == []
    assert groups(at, "loss_landscape")["plane"]["charts"] == {}
    asked.clear()
    at.session_state["loss_landscape.plane"] = 7  # what the board's event does, see tests/ui/test_board.py
    finish(at.run())
    assert [(config.norm, config.steps, config.probes, config.option("plane_kind")) for config in asked] == [
        (norm, 7, ("landscape_plane",), "random") for norm in ("none", "batch")
    ]
    assert {(config.widths, config.seed) for config in asked} == {((12, 12), 73)}
    assert at.query_params == link | {"plane": "7"}
    assert groups(at, "loss_landscape")["plane"]["charts"].keys() == PLANES
    asked.clear()
    at.toggle(key="loss_landscape.plane_pca").set_value(True).run()
    finish(at)
    at.toggle(key="loss_landscape.plane_inference").set_value(True).run()
    finish(at)
    assert [(config.norm, config.option("plane_kind"), config.option("plane_mode")) for config in asked] == [
        ("none", "pca", "training"),
        ("batch", "pca", "training"),
        ("none", "pca", "inference"),
        ("batch", "pca", "inference"),
    ]
    assert at.query_params == link | {"plane": "7", "plane_pca": "1", "plane_inference": "1"}
    assert groups(at, "loss_landscape")["plane"]["charts"].keys() == PLANES


def test_another_kind_of_plane_is_mapped_at_the_last_update_without_a_click(opened, asked, finish, groups):
    link = TINY | {"seed": "79"}
    at = finish(opened("loss_landscape", **link))
    asked.clear()
    at.toggle(key="loss_landscape.plane_pca").set_value(True).run()
    finish(at)
    assert [(config.norm, config.steps, config.option("plane_kind")) for config in asked] == [
        ("none", 20, "pca"),
        ("batch", 20, "pca"),
    ]
    assert at.query_params == link | {"plane_pca": "1"}
    assert groups(at, "loss_landscape")["plane"]["charts"].keys() == PLANES


def test_a_plane_after_the_last_update_is_told_and_mapped_at_the_last(opened, asked, finish):
    at = opened("loss_landscape", **TINY | {"seed": "74"}, plane="99999")
    (warning,) = at.warning
    assert "plane must be a whole number from 1 to 20, not 99999" in warning.value
    finish(at)
    assert {config.steps for config in asked} == {20}
    assert at.query_params["plane"] == "20"


def test_the_plane_of_the_first_update(opened, asked, finish, groups, words):
    at = finish(opened("loss_landscape", **TINY | {"seed": "75"}, plane="1", plane_pca="1"))
    assert {config.steps for config in probed(asked, "landscape_plane")} == {1}
    assert not at.error
    assert groups(at, "loss_landscape")["plane"]["charts"].keys() == PLANES
    assert not [said for said in words(at, "loss_landscape") if re.search(r"\b(nan|inf|None)\b", said)]


def test_the_loss_as_the_horizontal_axis_is_part_of_the_link_and_trains_nothing(opened, asked, groups):
    at = opened("loss_landscape")
    before = groups(at, "loss_landscape")
    at.toggle(key="loss_landscape.against_loss").set_value(True).run()
    assert asked == []
    assert at.query_params == {"against_loss": "1"}
    after = groups(at, "loss_landscape")

    def axis(drawn):
        return drawn["variation"]["charts"]["variation"]["layout"]["xaxis"]["title"]["text"]

    assert (axis(before), "loss" in axis(after)) == ("updates", True)
    again = opened("loss_landscape", against_loss="1")
    assert again.toggle(key="loss_landscape.against_loss").value is True
    assert groups(again, "loss_landscape") == after


def test_wrong_ways_train_each_arm_at_further_rates_and_are_shown_beside_the_right_ones(opened, asked, finish, groups):
    link = TINY | {"seed": "76", "lr": "0.02"}
    at = finish(opened("loss_landscape", **link))
    assert "wrong" not in groups(at, "loss_landscape")
    assert at.toggle(key="loss_landscape.wrong_ways").value is False
    asked.clear()
    at.toggle(key="loss_landscape.wrong_ways").set_value(True).run()
    finish(at)
    base, _ = RunConfig.from_query(link, presets.DEFAULTS["loss_landscape"])
    assert asked == [
        base.with_changes(
            norm=norm, learning_rate=rate, probes=("landscape_line", "measurement_pitfalls")
        ).with_active_options()
        for norm in ("none", "batch")
        for rate in (0.01, 0.02, 0.04, 0.08)
    ]
    assert at.query_params == link | {"wrong_ways": "1"}
    assert len(groups(at, "loss_landscape")["wrong"]["charts"]) == 4


@pytest.mark.parametrize("rate", ["0", "1000"])
def test_a_rate_whose_multiples_are_none_leaves_the_wrong_ways_out(rate, opened, finish, groups):
    at = finish(opened("loss_landscape", **TINY | {"seed": "77", "lr": rate}, wrong_ways="1"))
    assert not at.error
    assert "wrong" not in groups(at, "loss_landscape")


def test_forty_layers_come_from_the_gallery_whatever_the_controls_say(opened, asked, finish, groups, verdicts):
    at = opened("theory")
    usual = groups(at, "theory")["depth"]
    assert usual["charts"].keys() == {"deep-gradients", "deep-signals"}
    at = finish(opened("theory", **TINY | {"seed": "78"}))
    assert [(config.norm, config.widths) for config in asked] == [("none", (12, 12)), ("batch", (12, 12))]
    assert groups(at, "theory")["depth"] == usual
    for claim in experiments.load("gradient_explosion").claims:
        assert claim.statement in verdicts(at)
