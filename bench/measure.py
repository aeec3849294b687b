"""Runs a command and prints one line of JSON: its exit code, wall seconds, and peak resident bytes.

The wall time is that of the whole process, start and end included. The peak is that of the process as the kernel
counted it (wait4), or, for a command of several processes (Spark's Java), the sum of the peaks of all that were seen in
its session, whichever is more: the sum can count shared pages twice, and it is of peaks that need not coincide.
"""

import json
import os
import subprocess
import sys
import threading
import time

INTERVAL = 0.1


def peaks_of_session(session, peaks):
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                # The command's name stands in brackets and may hold spaces; the session is the fourth field after it.
                if int(file.read().rsplit(")", 1)[1].split()[3]) != session:
                    continue
            with open(f"/proc/{name}/status") as file:
                for line in file:
                    if line.startswith("VmHWM:"):
                        peaks[name] = max(peaks.get(name, 0), int(line.split()[1]) * 1024)
        except (OSError, IndexError, ValueError):
            continue  # the process ended while it was looked at


def main():
    began = time.monotonic()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, start_new_session=True)
    peaks = {}
    done = threading.Event()

    def watch():
        while not done.wait(INTERVAL):
            peaks_of_session(process.pid, peaks)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    done.set()
    watcher.join()
    peak = max(usage.ru_maxrss * 1024, sum(peaks.values()))
    print(json.dumps({"exit": os.waitstatus_to_exitcode(status), "seconds": seconds, "peak_bytes": peak}))


main()
