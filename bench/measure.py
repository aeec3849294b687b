"""Runs a command and prints one line of JSON: its exit code, wall seconds, and peak resident bytes.

The wall time is that of the whole process, start and end included. The peak is that of the process as the kernel
counted it (wait4), or, for a command of several processes (Spark's Java), the most that all of its session had at one
moment, pages that they share counted once; looked at every half second, since that stops them for a moment.
"""

import json
import os
import subprocess
import sys
import threading
import time

INTERVAL = 0.5


def session_bytes(session):
    """What the processes of a session have in memory, or 0 where there is only one, which the kernel itself measures."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                # The command's name stands in brackets and may hold spaces; the session is the fourth field after it.
                if int(file.read().rsplit(")", 1)[1].split()[3]) == session:
                    found.append(name)
        except (OSError, IndexError, ValueError):
            continue  # the process ended while it was looked at
    if len(found) < 2:
        return 0
    total = 0
    for name in found:
        try:
            with open(f"/proc/{name}/smaps_rollup") as file:
                pss = next((line for line in file if line.startswith("Pss:")), "Pss: 0 kB")
                total += int(pss.split()[1]) * 1024
        except (OSError, IndexError, ValueError):
            continue
    return total


def main():
    began = time.monotonic()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, start_new_session=True)
    peak = 0
    done = threading.Event()

    def watch():
        nonlocal peak
        while not done.wait(INTERVAL):
            peak = max(peak, session_bytes(process.pid))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    done.set()
    watcher.join()
    peak = max(usage.ru_maxrss * 1024, peak)
    print(json.dumps({"exit": os.waitstatus_to_exitcode(status), "seconds": seconds, "peak_bytes": peak}))


main()
