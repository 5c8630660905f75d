"""Which cloud a machine is of, which type, or which model it is itself.

Knows what the firmware says (SMBIOS). Must not ask a network, where the clouds say more.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from metahub.node.detect.detection import Finding, Unknown, feature
from metahub.node.detect.machine import Machine

DMI = "/sys/class/dmi/id"


@dataclass(frozen=True, slots=True)
class _Cloud:
    """How a cloud shows in the firmware: the field whose text begins so."""

    name: str
    title: str
    field: str
    begins: str
    type_field: str = ""
    """Which field names the instance type; none, where only the metadata service says it."""


# AWS: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/identify_ec2_instances.html
# The others are known by what cloud-init knows them by:
# https://github.com/canonical/cloud-init/blob/main/tools/ds-identify
_CLOUDS = (
    _Cloud("aws", "AWS", "sys_vendor", "Amazon EC2", type_field="product_name"),
    _Cloud("aws", "AWS (Xen)", "bios_version", "4.2.amazon"),
    _Cloud("aws", "AWS (Xen)", "bios_version", "4.11.amazon"),
    _Cloud("google", "Google Cloud", "product_name", "Google Compute Engine"),
    _Cloud("azure", "Azure", "chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77"),
    _Cloud("oracle", "Oracle Cloud", "chassis_asset_tag", "OracleCloud.com"),
    _Cloud("alibaba", "Alibaba Cloud", "product_name", "Alibaba Cloud ECS"),
    _Cloud("openstack", "OpenStack", "product_name", "OpenStack"),
    _Cloud("openstack", "OpenStack", "chassis_asset_tag", "OpenTelekomCloud"),
    _Cloud("openstack", "OpenStack", "chassis_asset_tag", "SAP CCloud VM"),
    _Cloud("openstack", "OpenStack", "chassis_asset_tag", "HUAWEICLOUD"),
    _Cloud("openstack", "OpenStack", "chassis_asset_tag", "OpenStack"),
)

# Virtual machines of nobody's cloud: the product is the hypervisor's, not the machine's.
_HYPERVISORS = ("QEMU", "VMware", "innotek", "Xen", "Microsoft Corporation", "Red Hat", "KubeVirt")

# What manufacturers forget to fill in.
_PLACEHOLDERS = (
    "",
    "default string",
    "none",
    "not specified",
    "o.e.m.",
    "system product name",
    "to be filled by o.e.m.",
)


def cloud(machine: Machine) -> Iterator[Finding | Unknown]:
    """The cloud and the instance type if the firmware names them, else the model."""
    fields = _fields(machine)
    if not fields:
        reason = f"{DMI} is not there: no SMBIOS, or a container that does not see it"
        yield Unknown("machine model", reason)
        return
    found = next((one for one in _CLOUDS if fields.get(one.field, "").startswith(one.begins)), None)
    if found is None:
        yield from _model(fields)
        return
    yield Finding("cloud", found.title, f"{DMI}/{found.field}", (feature("cloud", found.name),))
    yield from _instance(found, fields)


def _fields(machine: Machine) -> dict[str, str]:
    """What everybody may read; serial numbers are root's, and not asked for."""
    names = ("sys_vendor", "product_name", "chassis_asset_tag", "bios_version")
    read = {name: machine.text_or(f"{DMI}/{name}") for name in names}
    return {name: text for name, text in read.items() if text}


def _instance(found: _Cloud, fields: dict[str, str]) -> Iterator[Finding | Unknown]:
    name = fields.get(found.type_field)
    if name:
        source = f"{DMI}/{found.type_field}"
        yield Finding("instance type", name, source, (feature("instance", name),))
        return
    reason = f"{found.title} tells it only over the network, which is not asked"
    yield Unknown("instance type", reason)


def _model(fields: dict[str, str]) -> Iterator[Finding | Unknown]:
    vendor, product = fields.get("sys_vendor", ""), fields.get("product_name", "")
    if vendor.startswith(_HYPERVISORS):
        reason = f"a virtual machine, whose firmware says only {vendor} {product}".strip()
        yield Unknown("machine model", reason)
        return
    if product.lower() in _PLACEHOLDERS:
        yield Unknown("machine model", f"the firmware does not say ({DMI}/product_name)")
        return
    found = f"{vendor} {product}".strip()
    yield Finding("machine model", found, f"{DMI}/product_name", (feature("model", product),))
