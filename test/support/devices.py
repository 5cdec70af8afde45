"""Parameters of tests that run on the CPU and, where there is one, on a GPU."""

import pytest
import torch

DEVICES = [
    'cpu',
    pytest.param(
        'cuda',
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU that PyTorch can use'),
        ],
    ),
]
