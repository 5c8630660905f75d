"""`python cri_call.py SOCKET pull|status IMAGE [USER PASSWORD]`: what a kubelet says to a runtime.

Knows gRPC. Must not know which runtime answers. A program of its own, for gRPC's threads.
"""

import sys
from pathlib import Path
from typing import Any

import grpc

PROTOCOL = Path(__file__).with_name("cri.proto")
SECONDS = 100


def main(socket: str, word: str, image: str, *login: str) -> str:
    """The id of an image that was pulled, or the names by digest of one that is there."""
    sys.path.insert(0, str(PROTOCOL.parent))
    messages, services = grpc.protos_and_services(PROTOCOL.name)
    with grpc.insecure_channel(f"unix://{socket}") as channel:
        service = services.ImageServiceStub(channel)
        ask = {"pull": _pull, "status": _status}[word]
        return ask(messages, service, messages.ImageSpec(image=image), *login)


def _pull(messages: Any, service: Any, image: Any, user: str = "", password: str = "") -> str:
    auth = messages.AuthConfig(username=user, password=password)
    request = messages.PullImageRequest(image=image, auth=auth if user else None)
    return str(service.PullImage(request, timeout=SECONDS).image_ref)


def _status(messages: Any, service: Any, image: Any) -> str:
    request = messages.ImageStatusRequest(image=image)
    return "\n".join(service.ImageStatus(request, timeout=SECONDS).image.repo_digests)


if __name__ == "__main__":
    try:
        sys.stdout.write(main(*sys.argv[1:]))
    except grpc.RpcError as error:
        sys.exit(f"rpc error: code = {error.code().name} desc = {error.details()}")
