"""RunConfig: everything that decides what a run is.

One frozen, validated list of fields; the command line's options, the page's controls, links (URL queries), JSON and the
run key are all read off it. It knows names and bounds only: no torch, no Streamlit, no files but the plug-in folders.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from functools import cache, lru_cache
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bnviz.core import messages, registry
from bnviz.core.messages import ClashError
from bnviz.core.nonlinearities import NONLINEARITIES

MEASURING_VERSION = 3
"""Part of every run key: raised when the same configuration would give other numbers than before.

By more than rounding, which differs from one processor to the next anyway, as in the records that ship.
"""

MEDIAN = 50.0
"""In percent, as percentiles are given."""

MULTIPLY_ADDS_PER_SECOND = 2e10
SECONDS_PER_LAYER = 1.5e-4
"""What one ordinary core does; used only to warn of, or to refuse, runs that would take very long."""

QUERY_NAMES = {"learning_rate": "lr", "batch_size": "batch"}
"""Fields that have a shorter name in links; every other field keeps its own."""


def _plugin(kind: str, needs: tuple[str, ...] = ()) -> AfterValidator:
    """The name of a plug-in that can be read and sets the constants that are needed here."""

    def known(name: str) -> str:
        plugin = registry.find(kind, name)
        if plugin is None:
            raise ValueError(f"must be {messages.one_of(registry.names(kind))}")
        if plugin.error is not None:
            raise ValueError(f"must be a file that can be read; {kind}/{name}.py cannot: {plugin.error}")
        missing = [constant for constant in needs if constant not in plugin.constants]
        if missing:
            raise ValueError(f"must be a file that sets {', '.join(missing)}; {kind}/{name}.py does not")
        return name

    return AfterValidator(known)


def _known_activation(name: str) -> str:
    if name not in NONLINEARITIES:
        raise ValueError(f"must be {messages.one_of(list(NONLINEARITIES))}")
    return name


def _rising(levels: tuple[float, ...]) -> tuple[float, ...]:
    if any(before >= after for before, after in pairwise(levels)):
        raise ValueError("must rise, as 15,50,85 do")
    return levels


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("must not name the same one twice")
    return names


class RunConfig(BaseModel):
    """What to run. Defaults: preset A, Ioffe & Szegedy 2015, Sec. 4.1, on scikit-learn's digits.

    Raises:
        pydantic.ValidationError: a value is out of bounds or a name is not known; `sentences` words it for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dataset: Annotated[str, _plugin("datasets", ("INPUT_SHAPE", "CLASSES", "TRAIN_SAMPLES"))] = Field(
        "digits", description="what to learn"
    )
    binarize: bool = Field(False, description="black-and-white images: 1 where a pixel is at least half bright")
    network: Annotated[str, _plugin("networks")] = Field("mlp", description="kind of network")
    widths: tuple[Annotated[int, Field(ge=1, le=2048)], ...] = Field(
        (100, 100, 100), min_length=1, max_length=64, description="units in each hidden layer"
    )
    activation: Annotated[str, AfterValidator(_known_activation)] = Field("sigmoid", description="the nonlinearity")
    norm: Annotated[str, _plugin("norms")] = Field("none", description="what normalises each pre-activation")
    norm_eps: float = Field(1e-5, gt=0, le=1, description="added to the variance before the square root")
    norm_momentum: float = Field(0.1, ge=0, le=1, description="weight of the newest batch in the running statistics")
    norm_affine: bool = Field(True, description="learn a scale gamma and a shift beta for each unit")
    norm_p: Literal["1", "2", "inf"] = Field("1", description="which norm l_p batch norm divides by")
    noise_mean: float = Field(0.5, ge=0, le=10, description="n_mu: unit shifts are drawn from [-n_mu, n_mu] each step")
    noise_scale: float = Field(1.25, ge=1, le=10, description="n_sigma: unit scales are drawn from [1, n_sigma]")
    noise_spread_mean: float = Field(0.1, ge=0, le=10, description="r_mu: spread of a sample's shift about the unit's")
    noise_spread_scale: float = Field(0.1, ge=0, le=10, description="r_sigma: std of a sample's scale about the unit's")
    noise_per: Literal["unit", "layer"] = Field(
        "unit", description="draw the noise's own mean and scale per unit or layer"
    )
    noise_at_test: bool = Field(False, description="keep the noise on when the test images are scored")
    init: Literal["normal", "xavier", "he"] = Field("normal", description="how the weights are drawn at the start")
    init_std: float = Field(0.1, gt=0, le=10, description="standard deviation of the weights when init is normal")
    optimizer: Literal["sgd", "adam"] = Field("sgd", description="the update rule, torch's own")
    learning_rate: float = Field(0.1, ge=0, le=1000, description="size of each update")
    momentum: float = Field(0.0, ge=0, lt=1, description="of SGD")
    weight_decay: float = Field(0.0, ge=0, le=1, description="L2 penalty added to the gradient")
    batch_size: int = Field(60, ge=2, le=4096, description="samples in a mini-batch")
    steps: int = Field(600, ge=1, le=1_000_000, description="number of updates")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="decides initial weights, data order and noise")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: CUDA if present; in the app, the CPU")
    precision: Literal["float32", "float64", "bfloat16"] = Field(
        "float32", description="of weights, data and arithmetic; bfloat16: of the layers' products only"
    )
    probes: Annotated[tuple[Annotated[str, _plugin("probes")], ...], AfterValidator(_distinct)] = Field(
        ("activations",), description="what is measured"
    )
    probe_points: int = Field(60, ge=2, le=500, description="at how many steps the probes measure")
    probe_data: Literal["batch", "fixed"] = Field("batch", description="the training mini-batch, or one fixed batch")
    probe_samples: int = Field(512, ge=2, le=4096, description="size of the fixed probe batch")
    percentiles: Annotated[tuple[Annotated[float, Field(gt=0, lt=100)], ...], AfterValidator(_rising)] = Field(
        (15.0, 50.0, 85.0), min_length=1, max_length=9, description="of each unit's pre-activation, besides the median"
    )
    line_points: int = Field(8, ge=2, le=64, description="K: step lengths looked at along a line, besides none")
    line_from: float = Field(0.5, gt=0, le=1000, description="the shortest of them")
    line_to: float = Field(4.0, gt=0, le=1000, description="the longest of them")
    line_in: Literal["learning_rate", "absolute"] = Field(
        "learning_rate", description="in multiples of the learning rate, or as they are"
    )
    line_along: Literal["gradient", "random"] = Field(
        "gradient", description="against the gradient, or a random direction with each filter as long as its weights"
    )
    sharpness_points: int = Field(8, ge=2, le=500, description="at how many steps the sharpness is measured, at most")
    sharpness_count: int = Field(1, ge=1, le=5, description="how many of the largest Hessian eigenvalues")
    plane_kind: Literal["random", "pca"] = Field(
        "random", description="axes of the plane: random, shared by arms, or the run's own principal components"
    )
    plane_points: int = Field(21, ge=3, le=51, description="points on each side of the plane")
    plane_span: float = Field(1.0, gt=0, le=100, description="half its side, 1 being as long as the weights")
    plane_mode: Literal["training", "inference"] = Field(
        "training", description="normalise by the batch, or by the running statistics"
    )
    curve_points: int = Field(40, ge=2, le=1000, description="at how many steps loss and accuracy are noted")
    test_samples: int = Field(2000, ge=1, le=100_000, description="test images scored at each of those; all at the end")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        needed = registry.describe("networks", self.network).constants.get("INPUT_SHAPE")
        data = registry.describe("datasets", self.dataset).constants
        if needed is not None and tuple(needed) != tuple(data["INPUT_SHAPE"]):
            raise ClashError(
                f"{{network}} {self.network!r} needs inputs of shape {messages.times(needed)}, "
                f"{{dataset}} {self.dataset!r} has {messages.times(data['INPUT_SHAPE'])}; choose another of the two",
                "network",
                "dataset",
            )
        if self.batch_size > data["TRAIN_SAMPLES"]:
            raise ClashError(
                f"{{batch_size}} must be at most {data['TRAIN_SAMPLES']}, the training samples of {{dataset}} "
                f"{self.dataset!r}, not {self.batch_size}",
                "batch_size",
                "dataset",
            )
        if self.line_from >= self.line_to:
            raise ClashError(
                f"{{line_from}} must be less than {{line_to}}, not {self.line_from:g} with {{line_to}} "
                f"{self.line_to:g}",
                "line_from",
                "line_to",
            )
        return self

    def changed(self) -> dict[str, Any]:
        """The fields that differ from the defaults, as JSON values."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def recorded_percentiles(self) -> tuple[float, ...]:
        """The percentiles that the probe records: those chosen and the median, which sentences and maps are about."""
        return tuple(sorted({*self.percentiles, MEDIAN}))

    @property
    def key(self) -> str:
        """The run key: 16 hexadecimal digits that name this configuration under this measuring version."""
        return _key(self)

    @property
    def estimated_seconds(self) -> float:
        """Rough time of the run on one core: each layer of a pass costs at least its fixed part, whatever the size."""
        passes = self.steps + sum(self._passes(probe) for probe in self.probes)
        products = self.multiply_adds / self.steps / MULTIPLY_ADDS_PER_SECOND
        return passes * max(products, (len(self.widths) + 1) * SECONDS_PER_LAYER)

    def _passes(self, probe: str) -> float:
        """How many passes over a mini-batch a probe costs in the whole run, by its constants (`bnviz.probes`)."""
        told = registry.describe("probes", probe).constants
        each = self._product(told.get("PASSES", 0)) + self._product(told.get("PASSES_PER_LAYER", 0)) * len(self.widths)
        times = min(self.probe_points, self.steps, self._product(told.get("STEPS", "probe_points")))
        on_fixed = told.get("BATCH") == "fixed" or (told.get("BATCH") == "probe_data" and self.probe_data == "fixed")
        return times * each * (self.probe_samples / self.batch_size if on_fixed else 1)

    def _product(self, factors: Any) -> float:
        """Of numbers and of settings by their names; of one of them, or of several."""
        several = factors if isinstance(factors, tuple) else (factors,)
        return math.prod(float(getattr(self, one) if isinstance(one, str) else one) for one in several)

    @property
    def multiply_adds(self) -> float:
        """Rough cost of the training itself, in multiply-adds: three passes over every weight and sample."""
        per_sample = registry.describe("networks", self.network).constants.get("MULTIPLY_ADDS")
        if per_sample is None:
            data = registry.describe("datasets", self.dataset).constants
            sizes = (math.prod(data["INPUT_SHAPE"]), *self.widths, data["CLASSES"])
            per_sample = sum(before * after for before, after in pairwise(sizes))
        return 3.0 * float(per_sample) * self.batch_size * self.steps

    def to_query(self, base: "RunConfig | None" = None) -> dict[str, str]:
        """A link's query: only what differs from `base`, short names, values a person can read and edit."""
        usual = (base or RunConfig()).model_dump(mode="json")
        changed = {name: value for name, value in self.model_dump(mode="json").items() if value != usual[name]}
        return {QUERY_NAMES.get(name, name): messages.to_text(value) for name, value in changed.items()}

    @classmethod
    def from_query(cls, query: Mapping[str, str], base: "RunConfig | None" = None) -> tuple["RunConfig", list[str]]:
        """Read a link over `base`; what cannot be used is left out and told in one sentence each, never raised."""
        return _read_query(query, base or cls())


@lru_cache(maxsize=1024)
def _key(config: RunConfig) -> str:
    """Worked out once, because pages ask for it again and again."""
    text = json.dumps([MEASURING_VERSION, config.model_dump(mode="json")], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sentences(
    error: ValidationError,
    given: Mapping[str, Any] | None = None,
    used: RunConfig | None = None,
    names: Mapping[str, str] = QUERY_NAMES,
) -> list[str]:
    """Word a validation error for people: one sentence a field, saying what is allowed and what was given.

    Args:
        error: what validating a RunConfig raised.
        given: values by field, as they were typed, where this is not what was validated.
        used: the configuration whose values are used instead, where there is one.
        names: what a setting is called where it was given, if not by its field's name; in links, unless said otherwise.
    """
    given = given or {}
    told: dict[str, str] = {}
    for item in error.errors():
        name = messages.fields(item)[0]
        message = messages.complaint(item, given.get(name, item["input"]), _schemas(), names)
        instead = _to_leave_out(item, given)
        if used is not None and instead is not None:
            message += f"; {names.get(instead, instead)}={messages.to_text(getattr(used, instead))} is used"
        told.setdefault(name, f"{message}.")
    return list(told.values())


def _read_query(query: Mapping[str, str], base: RunConfig) -> tuple[RunConfig, list[str]]:
    names = {name: name for name in RunConfig.model_fields} | {short: name for name, short in QUERY_NAMES.items()}
    texts = {names[key]: text for key, text in query.items() if key in names}
    problems = [f"{messages.shown(key)} is not a setting; it is left out." for key in query if key not in names]
    while True:
        try:
            given = {name: _from_text(name, text) for name, text in texts.items()}
            return RunConfig.model_validate(base.model_dump() | given), problems
        except ValidationError as error:
            problems += sentences(error, texts, base)
            useless = {_to_leave_out(item, texts) for item in error.errors()}
        if useless == {None}:  # not the link's fault
            return base, problems
        texts = {name: text for name, text in texts.items() if name not in useless}


@cache
def _schemas() -> dict[str, Any]:
    """Every field's JSON schema: type, bounds and choices."""
    schemas: dict[str, Any] = RunConfig.model_json_schema()["properties"]
    return schemas


def _from_text(name: str, text: str) -> str | list[str]:
    """What a link says, ready to be validated: a list where the field takes several values, none in an empty text."""
    if _schemas()[name]["type"] != "array":
        return _whole(text)
    return [_whole(part.strip()) for part in text.split(",")] if text.strip() else []


def _whole(text: str) -> str:
    """Let 1e3 stand for 1000 where a whole number is asked for."""
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if "e" in text.lower() and number.is_integer() and abs(number) < 1e15 else text


def _to_leave_out(item: Mapping[str, Any], given: Mapping[str, Any]) -> str | None:
    """The first of the fields in question that was given."""
    return next((name for name in messages.fields(item) if name in given), None)
