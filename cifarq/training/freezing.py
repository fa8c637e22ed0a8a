"""Parts of a network that do not learn: parameters, and the statistics of batch norms."""

from torch import nn

from edge_runtime.errors import UsageError, nearest


def freeze(model: nn.Module, prefixes: tuple[str, ...]) -> None:
    """Let no parameter learn whose name begins with one of ``prefixes``.

    Raises:
        UsageError: no name begins with one of them, or all parameters would be frozen.
    """
    parameters = dict(model.named_parameters())
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in parameters):
            raise UsageError(
                f"--freeze {prefix}: no parameter's name begins so.", _hint(prefix, model)
            )
    for name, parameter in parameters.items():
        if name.startswith(prefixes):
            parameter.requires_grad_(False)
    if prefixes and not any(parameter.requires_grad for parameter in parameters.values()):
        raise UsageError("--freeze leaves no parameter that could learn.", "Freeze fewer.")


def keep_evaluating(model: nn.Module, prefixes: tuple[str, ...]) -> None:
    """Put what is frozen of a model that is in training mode back into evaluation mode.

    In training mode a batch norm normalises by its batch, and its statistics go on to change.
    """
    for name, module in model.named_modules():
        if f"{name}.".startswith(prefixes):
            module.eval()


def _hint(prefix: str, model: nn.Module) -> str:
    """Name the module that is nearest to a prefix, or those at the top."""
    modules = [f"{name}." for name, _ in model.named_modules() if name]
    near = nearest(prefix, modules)
    top = ", ".join(f"{name}." for name, _ in model.named_children())
    return f"Did you mean {near!r}?" if near else f"Begin with one of: {top}."
