"""A headless Chromium that is driven through its DevTools protocol over two pipes: no port, no driver, no package."""
import json
import os
import select
import shutil
import subprocess
import tempfile
import time


def find_chromium():
    """Path of the browser: $CHROMIUM, else what is installed; None when there is none."""
    names = [os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"]
    return next((path for path in map(shutil.which, filter(None, names)) if path), None)


class Page:
    """One tab. `events` holds every (method, parameters) that the browser sent, in order."""

    def __init__(self, chromium):
        self.profile = tempfile.mkdtemp(prefix="cnnopt-browser-")
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        arguments = [
            chromium, "--headless", "--no-sandbox", "--remote-debugging-pipe", "--user-data-dir=" + self.profile,
            "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-extensions", "--mute-audio",
            "--host-resolver-rules=MAP * ~NOTFOUND", "about:blank",
        ]
        # The browser reads orders from descriptor 3 and answers on 4. sh moves them there.
        shell = 'exec 3<&%d 4>&%d; exec "$@"' % (to_browser, from_browser)
        self._process = subprocess.Popen(["sh", "-c", shell, "sh"] + arguments, pass_fds=(to_browser, from_browser),
                                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.events = []
        self._buffer = b""
        self._last_id = 0
        self._session = None
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(info["targetId"] for info in targets if info["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(domain + ".enable")

    def _receive(self, deadline):
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._read], [], [], left)[0]:
                raise TimeoutError("the browser did not answer")
            chunk = os.read(self._read, 1 << 20)
            if not chunk:
                raise RuntimeError("the browser ended")
            self._buffer += chunk
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def _until(self, wanted, seconds):
        deadline = time.monotonic() + seconds
        while True:
            message = self._receive(deadline)
            if "method" in message:
                self.events.append((message["method"], message.get("params", {})))
            if wanted(message):
                return message

    def call(self, method, seconds=30, **parameters):
        self._last_id += 1
        order = {"id": self._last_id, "method": method, "params": parameters}
        if self._session:
            order["sessionId"] = self._session
        os.write(self._write, json.dumps(order).encode() + b"\0")
        answer = self._until(lambda message: message.get("id") == order["id"], seconds)
        if "error" in answer:
            raise RuntimeError("%s: %s" % (method, answer["error"]))
        return answer["result"]

    def show(self, path, width, scheme):
        """Loads the file in a window of `width` pixels that prefers `scheme`, "light" or "dark"."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.call("Page.navigate", url="file://" + os.path.abspath(path))
        if not any(method == "Page.loadEventFired" for method, _ in self.events):
            self._until(lambda message: message.get("method") == "Page.loadEventFired", 30)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode={"Tab": 9, "Enter": 13}[key])

    def screenshot(self):
        """The whole page as a PNG, base64."""
        return self.call("Page.captureScreenshot", captureBeyondViewport=True, format="png")["data"]

    def close(self):
        try:
            self._session = None
            self.call("Browser.close", seconds=5)
            self._process.wait(10)
        except (OSError, RuntimeError, TimeoutError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)
        shutil.rmtree(self.profile, ignore_errors=True)
