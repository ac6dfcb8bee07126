"""What the processor can do."""

from __future__ import annotations

import torch

#: Names that PyTorch gives to instructions which multiply bfloat16, on x86 and ARM.
BFLOAT16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")


def multiplies_bfloat16() -> bool:
    """Whether this processor has instructions for bfloat16; True where PyTorch cannot tell."""
    if not hasattr(torch.cpu, "get_capabilities"):  # PyTorch before 2.11
        return True
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name, False) for name in BFLOAT16_INSTRUCTIONS)
