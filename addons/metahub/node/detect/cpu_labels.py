"""The CPU target of a Kubernetes node, by its labels.

Knows what Node Feature Discovery says of a CPU, and what it leaves out. Must not know other labels.

It leaves out, unless told otherwise, what has long been common (SSE, BMI, F16C), and some flags it
never knew (clwb). A missing label then says nothing, and the CPU's model number has to: what the
chip of that number has is taken to be there, if everything that is published for it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import archspec.cpu
from archspec.cpu import Microarchitecture

from metahub.node.detect.labels import NFD
from metahub.node.detect.target import x86_target

_CPUID = f"{NFD}cpu-cpuid."
_MODEL = f"{NFD}cpu-model."
_VENDORS = {"Intel": "GenuineIntel", "AMD": "AuthenticAMD", "Hygon": "HygonGenuine"}

# Labels, named by https://github.com/klauspost/cpuid -> flags as /proc/cpuinfo and archspec call
# them. Both lists are by what NFD does with a label if it is not configured otherwise:
# https://kubernetes-sigs.github.io/node-feature-discovery/stable/reference/worker-configuration-reference.html
_PUBLISHED = {
    "ADX": "adx",
    "AESNI": "aes",
    "AMXBF16": "amx_bf16",
    "AMXINT8": "amx_int8",
    "AMXTILE": "amx_tile",
    "AVX": "avx",
    "AVX2": "avx2",
    "AVX512BF16": "avx512_bf16",
    "AVX512BITALG": "avx512_bitalg",
    "AVX512BW": "avx512bw",
    "AVX512CD": "avx512cd",
    "AVX512DQ": "avx512dq",
    "AVX512ER": "avx512er",
    "AVX512F": "avx512f",
    "AVX512FP16": "avx512_fp16",
    "AVX512IFMA": "avx512ifma",
    "AVX512PF": "avx512pf",
    "AVX512VBMI": "avx512vbmi",
    "AVX512VBMI2": "avx512_vbmi2",
    "AVX512VL": "avx512vl",
    "AVX512VNNI": "avx512_vnni",
    "AVX512VP2INTERSECT": "avx512_vp2intersect",
    "AVX512VPOPCNTDQ": "avx512_vpopcntdq",
    "AVXIFMA": "avx_ifma",
    "AVXNECONVERT": "avx_ne_convert",
    "AVXVNNI": "avx_vnni",
    "AVXVNNIINT16": "avx_vnni_int16",
    "AVXVNNIINT8": "avx_vnni_int8",
    "CLDEMOTE": "cldemote",
    "CLZERO": "clzero",
    "CMPCCXADD": "cmpccxadd",
    "FMA3": "fma",
    "FMA4": "fma4",
    "GFNI": "gfni",
    "LAHF": "lahf_lm",
    "MOVBE": "movbe",
    "MOVDIR64B": "movdir64b",
    "MOVDIRI": "movdiri",
    "SERIALIZE": "serialize",
    "SHA": "sha_ni",
    "SSE4A": "sse4a",
    "TBM": "tbm",
    "VAES": "vaes",
    "VPCLMULQDQ": "vpclmulqdq",
    "WAITPKG": "waitpkg",
    "XOP": "xop",
    "XSAVE": "xsave",
    "XSAVEC": "xsavec",
    "XSAVEOPT": "xsaveopt",
}
_LEFT_OUT = {
    "BMI1": "bmi1",
    "BMI2": "bmi2",
    "CLMUL": "pclmulqdq",
    "CX16": "cx16",
    "F16C": "f16c",
    "LZCNT": "abm",
    "MMX": "mmx",
    "POPCNT": "popcnt",
    "RDRAND": "rdrand",
    "RDSEED": "rdseed",
    "SSE": "sse",
    "SSE2": "sse2",
    "SSE3": "sse3",
    "SSE4": "sse4_1",
    "SSE42": "sse4_2",
    "SSSE3": "ssse3",
}
_ALL = {**_PUBLISHED, **_LEFT_OUT}

# The chip of a model number. Intel: https://github.com/torvalds/linux/blob/master/arch/x86/include/asm/intel-family.h
# AMD, a range for each: https://github.com/torvalds/linux/blob/master/arch/x86/kernel/cpu/amd.c
_INTEL_6 = {
    "sandybridge": (42, 45),
    "ivybridge": (58, 62),
    "haswell": (60, 63, 69, 70),
    "broadwell": (61, 71, 79, 86),
    "skylake": (78, 94, 142, 158, 165, 166),
    "cascadelake": (85,),
    "icelake": (106, 108),
    "sapphirerapids": (143, 173, 174, 207),  # and what came after it, which runs the same
}
_AMD = (
    (23, range(0x30), "zen"),
    (23, range(0x30, 0x100), "zen2"),
    (25, range(0x10), "zen3"),
    (25, range(0x10, 0x20), "zen4"),
    (25, range(0x20, 0x60), "zen3"),
    (25, range(0x60, 0x80), "zen4"),
    (25, range(0xA0, 0xB0), "zen4"),
    (26, range(0x30), "zen5"),
    (26, range(0x40, 0x50), "zen5"),
    (26, range(0x60, 0x80), "zen5"),
)


class CpuUnknownError(Exception):
    """The labels do not suffice; the sentence says why."""


@dataclass(frozen=True, slots=True)
class LabelledCpu:
    """A target, and what of it no label says."""

    target: Microarchitecture
    vendor: str
    taken: tuple[str, ...]
    """Flags that NFD did not publish, and the chip is known to have."""
    chip: str


def labelled_cpu(labels: Mapping[str, str]) -> LabelledCpu:
    """The target by archspec's own rule. Raises CpuUnknownError."""
    flags = _flags(labels)
    if not flags:
        raise CpuUnknownError(f"no label {_CPUID}*: the node is not labelled by NFD, or not x86-64")
    vendor = _VENDORS.get(labels.get(f"{_MODEL}vendor_id", ""))
    if vendor is None:
        raise CpuUnknownError(f"no label {_MODEL}vendor_id of a vendor that is known")
    chip = _chip(labels, vendor)
    taken = _taken(flags, chip)
    target = x86_target(vendor, flags | taken)
    return LabelledCpu(target, vendor, tuple(sorted(taken & target.features)), chip.name)


def _flags(labels: Mapping[str, str]) -> frozenset[str]:
    names = (name.removeprefix(_CPUID) for name in labels if name.startswith(_CPUID))
    return frozenset(_ALL[name] for name in names if name in _ALL)


def _chip(labels: Mapping[str, str], vendor: str) -> Microarchitecture:
    try:
        family, model = (int(labels[f"{_MODEL}{word}"]) for word in ("family", "id"))
    except (KeyError, ValueError) as error:
        reason = f"no labels {_MODEL}family and {_MODEL}id: NFD leaves out flags that they imply"
        raise CpuUnknownError(reason) from error
    name = _named(vendor, family, model)
    if name is None:
        raise CpuUnknownError(f"{vendor} family {family} model {model} is of no known chip")
    return archspec.cpu.TARGETS[name]


def _named(vendor: str, family: int, model: int) -> str | None:
    if vendor == "GenuineIntel" and family == 6:
        return next((name for name, models in _INTEL_6.items() if model in models), None)
    if vendor == "AuthenticAMD":
        found = (name for one, models, name in _AMD if one == family and model in models)
        return next(found, None)
    return None


def _taken(flags: frozenset[str], chip: Microarchitecture) -> frozenset[str]:
    """What of the chip could not have been published; all could, if any that is left out was."""
    names = _PUBLISHED if flags.isdisjoint(_LEFT_OUT.values()) else _ALL
    return frozenset(chip.features - set(names.values()))
