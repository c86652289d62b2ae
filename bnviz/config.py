"""RunConfig: everything that decides what a run is.

One frozen, validated list of fields; the command line's options, the page's controls, links (URL queries), JSON and the
run key are all read off it. It knows names and bounds only: no torch, no Streamlit, no files but the plug-in folders.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from bnviz import registry
from bnviz.nonlinearities import NONLINEARITIES

MEASURING_VERSION = 1
"""Part of every run key: raised when the same configuration would give other numbers than before."""

QUERY_NAMES = {"learning_rate": "lr", "batch_size": "batch"}
"""Fields that have a shorter name in links; every other field keeps its own."""


def _plugin(kind: str) -> AfterValidator:
    def known(name: str) -> str:
        registry.describe(kind, name)
        return name

    return AfterValidator(known)


def _known_activation(name: str) -> str:
    if name not in NONLINEARITIES:
        raise ValueError(f"{name!r} is not one of {', '.join(NONLINEARITIES)}")
    return name


class RunConfig(BaseModel):
    """What to run. Defaults: preset A, Ioffe & Szegedy 2015, Sec. 4.1, on scikit-learn's digits.

    Raises:
        pydantic.ValidationError: a value is out of bounds or a name is not known; `sentences` words it for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dataset: Annotated[str, _plugin("datasets")] = Field("digits", description="what to learn")
    binarize: bool = Field(False, description="black-and-white images: 1 where a pixel is at least half bright")
    network: Annotated[str, _plugin("networks")] = Field("mlp", description="kind of network")
    widths: tuple[Annotated[int, Field(ge=1, le=2048)], ...] = Field(
        (100, 100, 100), min_length=1, max_length=64, description="units in each hidden layer"
    )
    activation: Annotated[str, AfterValidator(_known_activation)] = Field("sigmoid", description="the nonlinearity")
    norm: Annotated[str, _plugin("norms")] = Field("none", description="what normalises each pre-activation")
    norm_eps: float = Field(1e-5, ge=0, le=1, description="added to the variance before the square root")
    norm_momentum: float = Field(0.1, ge=0, le=1, description="weight of the newest batch in the running statistics")
    norm_affine: bool = Field(True, description="learn a scale gamma and a shift beta for each unit")
    noise_mean: float = Field(0.5, ge=0, le=10, description="n_mu: unit shifts are drawn from [-n_mu, n_mu] each step")
    noise_scale: float = Field(1.25, ge=1, le=10, description="n_sigma: unit scales are drawn from [1, n_sigma]")
    noise_spread_mean: float = Field(0.1, ge=0, le=10, description="r_mu: spread of a sample's shift about the unit's")
    noise_spread_scale: float = Field(0.1, ge=0, le=10, description="r_sigma: std of a sample's scale about the unit's")
    noise_per: Literal["unit", "layer"] = Field("unit", description="draw the noise's own mean and scale per unit or layer")
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
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: CUDA if present, else the CPU")
    probes: tuple[Annotated[str, _plugin("probes")], ...] = Field(("activations",), description="what is measured")
    probe_points: int = Field(60, ge=2, le=500, description="at how many steps the probes measure")
    probe_data: Literal["batch", "fixed"] = Field("batch", description="the training mini-batch, or one fixed batch")
    probe_samples: int = Field(512, ge=2, le=4096, description="size of the fixed probe batch")
    percentiles: tuple[Annotated[float, Field(gt=0, lt=100)], ...] = Field(
        (15.0, 50.0, 85.0), min_length=1, max_length=9, description="of each unit's pre-activation"
    )
    curve_points: int = Field(100, ge=2, le=1000, description="at how many steps loss and accuracy are noted")
    test_samples: int = Field(2000, ge=1, le=100_000, description="test images scored at each of those; all at the end")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        needed = registry.describe("networks", self.network).constants.get("INPUT_SHAPE")
        data = registry.describe("datasets", self.dataset).constants
        if needed is not None and tuple(needed) != tuple(data["INPUT_SHAPE"]):
            raise ValueError(f"network {self.network!r} needs inputs of shape {needed}, dataset {self.dataset!r} "
                             f"has {data['INPUT_SHAPE']}; choose another of the two")
        if self.batch_size > data["TRAIN_SAMPLES"]:
            raise ValueError(f"a batch_size of {self.batch_size} is more than the {data['TRAIN_SAMPLES']} training "
                             f"samples of {self.dataset!r}")
        if list(self.percentiles) != sorted(set(self.percentiles)):
            raise ValueError("percentiles must rise, for instance 15,50,85")
        return self

    def changed(self) -> dict[str, Any]:
        """The fields that differ from the defaults, as JSON values."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def key(self) -> str:
        """The run key: 16 hexadecimal digits that name this configuration under this measuring version."""
        text = json.dumps([MEASURING_VERSION, self.changed()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def multiply_adds(self) -> float:
        """Rough cost of the training itself, in multiply-adds: three passes over every weight and sample."""
        data = registry.describe("datasets", self.dataset).constants
        per_sample = registry.describe("networks", self.network).constants.get("MULTIPLY_ADDS")
        if per_sample is None:
            inputs = 1
            for size in data["INPUT_SHAPE"]:
                inputs *= size
            sizes = (inputs, *self.widths, data["CLASSES"])
            per_sample = sum(before * after for before, after in zip(sizes, sizes[1:], strict=False))
        return 3.0 * per_sample * self.batch_size * self.steps

    def to_query(self) -> dict[str, str]:
        """A link's query: the changed fields only, short names, values a person can read and edit."""
        return {QUERY_NAMES.get(name, name): _to_text(value) for name, value in self.changed().items()}

    @classmethod
    def from_query(cls, query: Mapping[str, str], base: "RunConfig | None" = None) -> tuple["RunConfig", list[str]]:
        """Read a link over `base`; what cannot be used is left out and told in one sentence each, never raised."""
        return _read_query(query, base or cls())


def _to_text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(_to_text(item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _read_query(query: Mapping[str, str], base: RunConfig) -> tuple[RunConfig, list[str]]:
    fields = {QUERY_NAMES.get(name, name): name for name in RunConfig.model_fields}
    given: dict[str, Any] = {}
    problems: list[str] = []
    for short, text in query.items():
        if short not in fields:
            problems.append(f"The link's {short[:40]!r} is not a setting; it was left out.")
        else:
            many = RunConfig.model_fields[fields[short]].annotation
            given[fields[short]] = text.split(",") if "tuple" in str(many) else _whole(text)
    kept = base.model_dump()
    while True:
        try:
            return RunConfig.model_validate(kept | given), problems
        except ValidationError as error:
            bad = {str(item["loc"][0]) for item in error.errors() if item["loc"]} & given.keys()
            problems += sentences(error, {name: query[QUERY_NAMES.get(name, name)] for name in given})
            if not bad:
                return base, problems
            for name in bad:
                del given[name]


def _whole(text: str) -> str:
    """Let 1e3 stand for 1000 where a whole number is asked for."""
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if "e" in text.lower() and number.is_integer() and abs(number) < 1e15 else text


def sentences(error: ValidationError, given: Mapping[str, Any] | None = None) -> list[str]:
    """Word a validation error for people: one sentence a field, saying what was given and what is allowed."""
    told: dict[str, str] = {}
    for item in error.errors():
        message = item["msg"].removeprefix("Value error, ")
        if not item["loc"]:
            told[""] = message[0].upper() + message[1:] + "."
            continue
        name = str(item["loc"][0])
        value = str((given or {}).get(name, item["input"]))
        shown = value if len(value) <= 40 else value[:40] + "…"
        field = RunConfig.model_fields.get(name)
        default = f"; {_to_text(field.default) if not isinstance(field.default, tuple) else _to_text(list(field.default))} is used" if field and given else ""
        told.setdefault(name, f"{QUERY_NAMES.get(name, name)} = {shown}: {message[0].lower() + message[1:]}{default}.")
    return list(told.values())
