"""The dispatch mode that recording and batched random draws are built on."""

from torch.utils._python_dispatch import TorchDispatchMode


class OperationMode(TorchDispatchMode):
    """Intercept every torch operation below autograd and vmap, on plain tensors."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch's compiler is not in use, and need not be loaded."""
        return False
