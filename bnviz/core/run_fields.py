"""The fields of a run: names, types, bounds, defaults and descriptions, and which values fit together.

A setting that only one plug-in reads is no field: that plug-in's file declares it as an option
(`bnviz.core.option`).
"""

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from bnviz.core import messages, registry
from bnviz.core.messages import ClashError
from bnviz.core.nonlinearities import NONLINEARITIES


def _plugin(kind: str, needs: tuple[str, ...] = ()) -> AfterValidator:
    """The name of a plug-in that can be read and sets the constants that are needed here; a former name is replaced."""

    def known(name: str) -> str:
        name = registry.current_name(kind, name)
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


class RunFields(BaseModel):
    """Base of `bnviz.core.config.RunConfig`: its fields and their validation."""

    dataset: Annotated[str, _plugin("datasets", ("INPUT_SHAPE", "CLASSES", "TRAIN_SAMPLES"))] = Field(
        "digits", description="what to learn"
    )
    network: Annotated[str, _plugin("networks")] = Field("mlp", description="kind of network")
    widths: tuple[Annotated[int, Field(ge=1, le=2048)], ...] = Field(
        (100, 100, 100), min_length=1, max_length=64, description="units in each hidden layer"
    )
    activation: Annotated[str, AfterValidator(_known_activation)] = Field("sigmoid", description="the nonlinearity")
    norm: Annotated[str, _plugin("norms")] = Field("none", description="what normalises each pre-activation")
    norm_eps: float = Field(1e-5, gt=0, le=1, description="added to the variance before the square root")
    norm_momentum: float = Field(0.1, ge=0, le=1, description="weight of the newest batch in the running statistics")
    norm_affine: bool = Field(True, description="learn a scale gamma and a shift beta for each unit")
    init: Annotated[str, _plugin("initialisations")] = Field(
        "normal", description="how the weights are drawn at the start"
    )
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
        return self
