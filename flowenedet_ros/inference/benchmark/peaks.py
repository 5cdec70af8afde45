"""Peak arithmetic and memory traffic of the machines that floors are worked out for."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """Peaks of a machine as its vendor gives them, without sparsity.

    :param tera: by precision, 10^12 operations a second, a multiply-add counting as two.
    :param gigabytes: of memory bandwidth a second.
    :param flags: of /proc/cpuinfo that a processor of this kind has; empty for GPUs.
    """

    name: str
    tera: dict[str, float]
    gigabytes: float
    source: str
    flags: tuple[str, ...] = ()


def _two_cores(gigahertz: float, operations: dict[str, int]) -> dict[str, float]:
    """Give the peaks of two cores, from operations a cycle and core."""
    return {precision: 2e-3 * gigahertz * count for precision, count in operations.items()}


MACHINES = (
    Machine(
        'NVIDIA H100 SXM',
        {'fp32': 67.0, 'fp16': 989.4, 'bf16': 989.4, 'int8': 1978.9},
        3350.0,
        'NVIDIA H100 Tensor Core GPU data sheet: 67 fp32 outside the tensor cores; half of its '
        '1,979 fp16 and 3,958 int8, which are with sparsity; 3.35 TB/s',
    ),
    Machine(
        'NVIDIA Jetson AGX Orin 64 GB',
        {'fp32': 5.3, 'fp16': 42.5, 'int8': 85.0},
        204.8,
        'NVIDIA Jetson AGX Orin Series technical brief, GPU alone: 5.3 fp32, half of its 170 int8, '
        'which are with sparsity, fp16 at half of int8; 204.8 GB/s',
    ),
    Machine(
        'two cores with AMX at 2.6 GHz',
        _two_cores(2.6, {'fp32': 64, 'bf16': 1024, 'int8': 2048}),
        40.0,
        'Intel, 4th-generation Xeon: a core does 1,024 bf16 or 2,048 int8 operations a cycle in '
        'AMX, and two 512-bit fp32 multiply-adds; the bandwidth is an assumption',
        ('amx_bf16', 'amx_int8'),
    ),
    Machine(
        'two Zen 5 cores at 4.1 GHz',
        _two_cores(4.1, {'fp32': 64, 'bf16': 128, 'int8': 256}),
        40.0,
        'AMD, Zen 5 of EPYC: two 512-bit fp32 multiply-adds a cycle and core, twice as many in '
        'bf16, four times in int8; clock and bandwidth are assumptions',
        ('avx512_bf16', 'avx512_vnni', 'avx512_vp2intersect'),
    ),
    Machine(
        'two Zen 4 cores at 3.7 GHz',
        _two_cores(3.7, {'fp32': 32, 'bf16': 64, 'int8': 128}),
        40.0,
        'AMD, Zen 4: two 256-bit fp32 multiply-adds a cycle and core, twice as many in bf16, four '
        'times in int8; the bandwidth is an assumption',
        ('avx512_bf16', 'avx512_vnni'),
    ),
)


def machine_of(flags: Collection[str]) -> Machine | None:
    """Give the first of `MACHINES` that a processor with these flags is like."""
    return next((m for m in MACHINES if m.flags and set(m.flags) <= set(flags)), None)
