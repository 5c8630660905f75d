"""GPUs of data centres by their PCI device number, for machines where no program names them.

Knows names, chips and what they run. Must not know how a number was read.

Names: The PCI ID Repository, https://pci-ids.ucw.cz/read/PC/10de (1002, 8086).
Compute capabilities: https://developer.nvidia.com/cuda-gpus and /cuda-legacy-gpus.
Targets of AMD: https://llvm.org/docs/AMDGPUUsage.html#processors
"""

from dataclasses import dataclass

_OR = " or "  # between the names of models that share a number


@dataclass(frozen=True, slots=True)
class GpuModel:
    """A model, and the code that it runs: a compute capability, or AMD's target."""

    name: str
    runs: str

    @property
    def is_one(self) -> bool:
        """True if the number is of no other model, so that the name can be told apart."""
        return _OR not in self.name


_CAPABILITIES = {
    "GK210": "3.7",
    "GM107": "5.0",
    "GM200": "5.2",
    "GM204": "5.2",
    "GM206": "5.2",
    "GP100": "6.0",
    "GP102": "6.1",
    "GP104": "6.1",
    "GV100": "7.0",
    "TU104": "7.5",
    "GA100": "8.0",
    "GA102": "8.6",
    "GA107": "8.6",
    "AD102": "8.9",
    "AD104": "8.9",
    "GH100": "9.0",
    "GB100": "10.0",
    "GB110": "10.3",
    "GB202": "12.0",
}

_NVIDIA = (
    (0x102D, "GK210", "Tesla K80"),
    (0x13BD, "GM107", "Tesla M10"),
    (0x13F2, "GM204", "Tesla M60"),
    (0x13F3, "GM204", "Tesla M6"),
    (0x1431, "GM206", "Tesla M4"),
    (0x17FD, "GM200", "Tesla M40"),
    (0x15F7, "GP100", "Tesla P100-PCIE-12GB"),
    (0x15F8, "GP100", "Tesla P100-PCIE-16GB"),
    (0x15F9, "GP100", "Tesla P100-SXM2-16GB"),
    (0x1B38, "GP102", "Tesla P40"),
    (0x1BB3, "GP104", "Tesla P4"),
    (0x1BB4, "GP104", "Tesla P6"),
    (0x1DB1, "GV100", "Tesla V100-SXM2-16GB"),
    (0x1DB4, "GV100", "Tesla V100-PCIE-16GB"),
    (0x1DB5, "GV100", "Tesla V100-SXM2-32GB"),
    (0x1DB6, "GV100", "Tesla V100-PCIE-32GB"),
    (0x1DB8, "GV100", "Tesla V100-SXM3-32GB"),
    (0x1DF6, "GV100", "Tesla V100S-PCIE-32GB"),
    (0x1EB4, "TU104", "T4G"),
    (0x1EB8, "TU104", "Tesla T4"),
    (0x20B0, "GA100", "A100-SXM4-40GB"),
    (0x20B1, "GA100", "A100-PCIE-40GB"),
    (0x20B2, "GA100", "A100-SXM4-80GB"),
    (0x20B3, "GA100", "A100-SXM-64GB"),
    (0x20B5, "GA100", "A100 80GB PCIe"),
    (0x20B7, "GA100", "A30"),
    (0x20F1, "GA100", "A100-PCIE-40GB"),
    (0x20F3, "GA100", "A800-SXM4-80GB"),
    (0x20F5, "GA100", "A800 80GB PCIe"),
    (0x2235, "GA102", "A40"),
    (0x2236, "GA102", "A10"),
    (0x2237, "GA102", "A10G"),
    (0x25B6, "GA107", "A2 or A16"),
    (0x26B5, "AD102", "L40"),
    (0x26B9, "AD102", "L40S"),
    (0x26BA, "AD102", "L20"),
    (0x27B6, "AD104", "L2"),
    (0x27B8, "AD104", "L4"),
    (0x2321, "GH100", "H100 NVL"),
    (0x2322, "GH100", "H800 PCIe"),
    (0x2324, "GH100", "H800"),
    (0x2330, "GH100", "H100 80GB HBM3"),
    (0x2331, "GH100", "H100 PCIe"),
    (0x2329, "GH100", "H20"),
    (0x2335, "GH100", "H200"),
    (0x2336, "GH100", "H100"),
    (0x2337, "GH100", "H100 64GB"),
    (0x2338, "GH100", "H100 96GB"),
    (0x2339, "GH100", "H100 94GB"),
    (0x233B, "GH100", "H200 NVL"),
    (0x2342, "GH100", "GH200 120GB or 480GB"),
    (0x2901, "GB100", "B200"),
    (0x2941, "GB100", "GB200"),
    (0x3182, "GB110", "B300"),
    (0x31C2, "GB110", "GB300"),
    (0x2BB5, "GB202", "RTX PRO 6000 Blackwell Server Edition"),
)

NVIDIA = {number: GpuModel(name, _CAPABILITIES[chip]) for number, chip, name in _NVIDIA}

AMD = {
    0x6860: GpuModel("Instinct MI25 or Radeon Pro V320", "gfx900"),
    0x66A0: GpuModel("Instinct MI50 or Radeon Pro VII", "gfx906"),
    0x66A1: GpuModel("Instinct MI50 or Radeon Pro VII", "gfx906"),
    0x738C: GpuModel("Instinct MI100", "gfx908"),
    0x738E: GpuModel("Instinct MI100", "gfx908"),
    0x7408: GpuModel("Instinct MI250X", "gfx90a"),
    0x740C: GpuModel("Instinct MI250X or MI250", "gfx90a"),
    0x740F: GpuModel("Instinct MI210", "gfx90a"),
    0x74A0: GpuModel("Instinct MI300A", "gfx942"),
    0x74A1: GpuModel("Instinct MI300X", "gfx942"),
    0x74A2: GpuModel("Instinct MI308X", "gfx942"),
    0x74A5: GpuModel("Instinct MI325X", "gfx942"),
    0x75A0: GpuModel("Instinct MI350X", "gfx950"),
    0x75A3: GpuModel("Instinct MI355X", "gfx950"),
}

INTEL = {
    0x0BD5: "Data Center GPU Max 1550",
    0x0BD6: "Data Center GPU Max 1550",
    0x0BD9: "Data Center GPU Max 1100",
    0x0BDA: "Data Center GPU Max 1100",
    0x0BDB: "Data Center GPU Max 1100",
    0x56C0: "Data Center GPU Flex 170",
    0x56C1: "Data Center GPU Flex 140",
}
