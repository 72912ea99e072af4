"""What is asked of a render, before anything is opened: small, and fit to be sent to another machine."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from vidgan.config import Recipe, load_recipe, override_recipe
from vidgan.errors import UsageError
from vidgan.gan.device import choose_device
from vidgan.gan.engine import require_engine
from vidgan.gan.look import Look, load_look
from vidgan.jobs.delivery import check_outputs
from vidgan.jobs.facts import Contents, Facts, facts_of
from vidgan.jobs.matte import open_matte
from vidgan.jobs.options import Options, Watch
from vidgan.jobs.prepared import Prepared
from vidgan.jobs.rendering import estimator_for
from vidgan.jobs.source import chosen_span, open_source
from vidgan.media import Clip, check_encoder, codec_for


@dataclass(frozen=True)
class Request:
    """Arguments as those of vidgan.render. model: a look's file; None where `pipeline` does not translate."""

    clip: str | Path
    model: str | Path | None
    out: Path
    matte: str | Path | None = None
    feather: float | None = None
    overrides: Sequence[str] = ()
    options: Options = field(default_factory=Options)
    pipeline: str | None = None

    @property
    def inputs(self) -> list[str | Path]:
        return [path for path in (self.clip, self.model, self.matte) if path is not None]

    def absolute(self) -> "Request":
        """The same for a process that runs in another folder."""
        options = replace(
            self.options,
            sheet=_absolute(self.options.sheet),
            raft_weights=_absolute(self.options.raft_weights),
        )
        return replace(
            self,
            clip=Path(self.clip).absolute(),
            model=_absolute(self.model),
            out=self.out.absolute(),
            matte=_absolute(self.matte),
            options=options,
            pipeline=absolute_recipe(self.pipeline),
        )

    def prepare(self, watch: Watch) -> Prepared:
        """Open everything, and find out before anything slow whether it can be done. Raises VidganError."""
        require_engine(self.options.engine, choose_device(self.options.device))
        look = None if self.model is None else load_look(Path(self.model))
        self.check_outputs()
        return self.open(look, watch)

    def open(self, look: Look | None, watch: Watch, clip: Clip | None = None) -> Prepared:
        """The same with a look that was read already, for an output that was checked.

        clip: opened before, somewhere else maybe; to open one reads all of its packets.
        """
        recipe = self._recipe() if look is None else recipe_of(look, self.overrides)
        clip = open_source(self.clip, self.options, watch) if clip is None else clip
        chosen_span(clip, self.options)
        check_means(clip, recipe, self.out, self.options)
        matte = open_matte(self.matte, self.feather, clip, self.options, watch)
        return Prepared(clip, recipe, self.options, watch, look, matte)

    def check_outputs(self) -> None:
        """See jobs.delivery; once more where somebody else may have been done meanwhile."""
        check_outputs(self.out, self.inputs, self.options)

    def facts(self, prepared: Prepared, contents: Contents | None = None) -> Facts:
        """All that decides about the render's bits; see facts_of."""
        inputs = {} if self.model is None else {"the look": self.model}
        codec = codec_for(prepared.recipe.encode.codec, self.out, prepared.clip.info, prepared.recipe.encode)
        return facts_of(
            "passthrough" if self.model is None else "render",
            prepared.clip,
            prepared.span,
            prepared.recipe,
            codec,
            self.options,
            choose_device(self.options.device),
            matte=prepared.matte,
            inputs=inputs,
            contents=contents,
        )

    def _recipe(self) -> Recipe:
        assert self.pipeline is not None
        return load_recipe(self.pipeline, self.overrides)


def absolute_recipe(name: str | None) -> str | None:
    """Of a recipe's file; one of ours is known by its name everywhere."""
    return str(Path(name).absolute()) if name is not None and name.endswith(".toml") else name


def _absolute(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path).absolute()


def recipe_of(look: Look, overrides: Sequence[str]) -> Recipe:
    """The look's own recipe with values changed; UsageError for those that were settled by training."""
    recipe = override_recipe(look.recipe, overrides)
    if recipe.train != look.recipe.train or recipe.translate.method != look.recipe.translate.method:
        raise UsageError(
            "a trained look keeps its [train] values and its translate.method: "
            "--set may change [translate], [smooth], [flow], [decode] and [encode], or train it anew."
        )
    return recipe


def check_means(clip: Clip, recipe: Recipe, out: Path, options: Options) -> None:
    """Find out before anything slow whether flow, codec and engine can be had. Raises VidganError."""
    check_encoder(out, clip.info, codec_for(recipe.encode.codec, out, clip.info, recipe.encode))
    require_engine(options.engine, choose_device(options.device))
    estimator_for(recipe, choose_device(options.device), options.raft_weights)
