"""Chromium without a window, led through its DevTools as a person leads it: clicks, keys, a look.

Knows the DevTools protocol, https://chromedevtools.github.io/devtools-protocol/. Must not know what
a page shows.
"""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.e2e.machine.parts import CHROMIUM
from tests.e2e.machine.running import PATIENCE, PAUSE, bare_environment, start, wait_until

WIDTH, HEIGHT = 1280, 720
_ZOOM = 0.8  # as with Ctrl and minus: both halves of a page have room for a line
_LARGEST = 1 << 26  # bytes of a message: a picture is one

_QUIET = (
    "--headless",
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
)

# What each such element says that is to be seen.
_TEXTS = """
[...document.querySelectorAll(%s)]
    .filter(element => element.getClientRects().length)
    .map(element => element.placeholder || element.innerText)"""

# The middle of one of them, where the mouse has to go.
_PLACE = """
(box => [box.x + box.width / 2, box.y + box.height / 2])(
    [...document.querySelectorAll(%s)]
        .filter(element => element.getClientRects().length)[%d]
        .getBoundingClientRect())"""

_PICTURE = """
(async address => {
    const image = new Image();
    image.src = address;
    await image.decode();
    const {width, height} = image, canvas = new OffscreenCanvas(width, height).getContext("2d");
    canvas.drawImage(image, 0, 0);
    const pixels = new Uint32Array(canvas.getImageData(0, 0, width, height).data.buffer);
    return [width, height, new Set(pixels).size];
})(%s)"""


class NotSeen(Exception):
    """A page does not come to show what a person would look for."""


@dataclass(frozen=True, slots=True)
class Picture:
    """How large a picture is, and how many colours it has."""

    width: int
    height: int
    colours: int


@dataclass(slots=True)
class Page:
    """A page, as a person has it before the eyes."""

    _socket: aiohttp.ClientWebSocketResponse
    _ids: Iterator[int] = field(default_factory=itertools.count)

    async def click(self, selector: str, *words: str) -> None:
        """Click on the first such element that has all the words, as soon as there is one."""
        x, y = await self._place(selector, *words)
        await self._mouse("mousePressed", x, y)
        await self._mouse("mouseReleased", x, y)

    async def drag(self, selector: str, by: int) -> None:
        """Drag such an element to the right, or to the left where `by` is below 0."""
        x, y = await self._place(selector)
        await self._mouse("mousePressed", x, y)
        await self._mouse("mouseMoved", x + by, y)
        await self._mouse("mouseReleased", x + by, y)

    async def type(self, field: str, text: str) -> None:
        """Type into the field with this placeholder, in place of what stands there; and Enter."""
        await self.click("input", field)
        await self._press("a", 65, commands=["selectAll"])
        await self._ask("Input.insertText", text=text)
        await self._press("Enter", 13, text="\r")

    async def texts(self, selector: str) -> list[str]:
        """What each such element says."""
        texts: list[str] = await self._value(_TEXTS % json.dumps(selector))
        return texts

    async def sees(self, selector: str, *words: str) -> list[str]:
        """What such elements say as soon as one of them has all the words. Raises NotSeen."""

        def is_there(texts: list[str]) -> bool:
            return any(all(word in text for word in words) for text in texts)

        return await self.sees_that(is_there, selector)

    async def sees_that(self, claim: Callable[[list[str]], bool], selector: str) -> list[str]:
        """What such elements say as soon as the claim about it is true. Raises NotSeen."""
        texts: list[str] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                while True:
                    texts = await self.texts(selector)
                    if claim(texts):
                        return texts
                    await asyncio.sleep(PAUSE)
        raise NotSeen(f"{selector}: {texts}, on a page that says {await self.texts('body')}")

    async def picture(self) -> bytes:
        """What is seen, as PNG."""
        shot = await self._ask("Page.captureScreenshot", format="png")
        return base64.b64decode(shot["data"])

    async def look_at(self, png: bytes) -> Picture:
        """What the browser takes a picture for."""
        address = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        return Picture(*await self._value(_PICTURE % json.dumps(address)))

    async def go(self, url: str) -> None:
        """Show this URL, in a window of the size of the picture."""
        size = {"width": int(WIDTH / _ZOOM), "height": int(HEIGHT / _ZOOM)}
        more = {"deviceScaleFactor": _ZOOM, "mobile": False}
        await self._ask("Emulation.setDeviceMetricsOverride", **size, **more)
        await self._ask("Page.navigate", url=url)

    async def value(self, expression: str) -> Any:
        """What JavaScript says there."""
        return await self._value(expression)

    async def narrow(self, width: int) -> None:
        """Have a window as wide as a phone, say."""
        size = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": True}
        await self._ask("Emulation.setDeviceMetricsOverride", **size)

    async def _place(self, selector: str, *words: str) -> tuple[float, float]:
        seen = await self.sees(selector, *words)
        which = next(i for i, text in enumerate(seen) if all(word in text for word in words))
        x, y = await self._value(_PLACE % (json.dumps(selector), which))
        return x, y

    async def _mouse(self, kind: str, x: float, y: float) -> None:
        where = {"x": x, "y": y, "button": "left", "clickCount": 1}
        await self._ask("Input.dispatchMouseEvent", type=kind, **where)

    async def _value(self, expression: str) -> Any:
        said = await self._ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in said, said
        return said["result"].get("value")  # of what is undefined there is none

    async def _press(self, key: str, code: int, **more: object) -> None:
        for kind in ("keyDown", "keyUp"):
            words = {"type": kind, "key": key, "windowsVirtualKeyCode": code, **more}
            await self._ask("Input.dispatchKeyEvent", **words)

    async def _ask(self, method: str, **words: object) -> dict[str, Any]:
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": words})
        while True:
            said = await self._socket.receive_json(timeout=PATIENCE)
            if said.get("id") == number:
                assert "error" not in said, said
                result: dict[str, Any] = said["result"]
                return result


@dataclass(frozen=True, slots=True)
class Browser:
    """A running Chromium, whose DevTools listen on a port of this machine."""

    port: int

    @asynccontextmanager
    async def page(self, url: str = "about:blank") -> AsyncIterator[Page]:
        """A page that shows this URL."""
        async with aiohttp.ClientSession(f"http://127.0.0.1:{self.port}") as session:
            async with session.put("/json/new?about:blank") as answer:
                target = await answer.json()
            where = target["webSocketDebuggerUrl"]
            async with session.ws_connect(where, max_msg_size=_LARGEST) as socket:
                page = Page(socket)
                await page.go(url)
                yield page
            async with session.get(f"/json/close/{target['id']}") as closed:
                await closed.read()


@contextmanager
def browsing(directory: Path) -> Iterator[Browser]:
    """A Chromium that keeps everything in a directory, as long as it lasts."""
    profile = directory / "profile"
    running = start(
        [CHROMIUM, *_QUIET, f"--user-data-dir={profile}", "about:blank"],
        log=directory / "chromium.log",
        environment=bare_environment(HOME=str(directory)),
    )
    listens = profile / "DevToolsActivePort"
    try:
        wait_until(lambda: listens.exists() and "\n" in listens.read_text(), running)
        yield Browser(int(listens.read_text().split()[0]))
    finally:
        running.stop()
