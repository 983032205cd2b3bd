"""Kernels that leave the terminal to the progress bar."""

import subprocess
from typing import Any

from jupyter_client.manager import AsyncKernelManager


class QuietKernelManager(AsyncKernelManager):
    """Starts kernels without their log on the terminal; what cells write to stderr is still captured."""

    async def start_kernel(self, **options: Any) -> None:
        """Start the kernel; its own log, a traceback at every Ctrl-C among it, goes nowhere."""
        await self._async_start_kernel(stderr=subprocess.DEVNULL, **options)
