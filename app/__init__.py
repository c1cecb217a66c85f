"""The task system."""

import atexit
import gc

# A process that starts makes some hundred thousand objects that stay. Looking for garbage among them
# at every two thousandth is an eighth of the time that starting takes, and looking once more when it
# ends, as the interpreter does several times, costs as much as half a start.
gc.set_threshold(max(50_000, gc.get_threshold()[0]), *gc.get_threshold()[1:])
atexit.register(gc.freeze)
