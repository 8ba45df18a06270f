#!/usr/bin/env bash
# Seen on 2026-11-29 with openvino 2026.4.1 and openvino-telemetry 2025.2.0, Python 3.11, Linux.
#
# Expected: `import openvino` works for a user who has neither HOME nor an entry in /etc/passwd, as in
#   a container that is run with `docker run --user 12345`: it needs no home to run a network.
# Seen: it ends in "RuntimeError: Could not determine home directory." The telemetry package, which is
#   imported with it, looks for the home folder; nothing needs to be sent for that. With HOME set to any
#   folder that can be written to, the import works.
#
# Needs root (it takes the number of a user whom the system does not know) and setpriv (util-linux).
# Exits with 0 while the behaviour is as described, and with 1 if it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    openvino==2026.4.1 openvino-telemetry==2025.2.0
mkdir "$folder/home"
chmod 777 "$folder/home"
chmod 755 "$folder"

# The interpreter may lie in a folder of root's: the user may read and write what root may.
as_a_number=(
    setpriv --reuid 12345 --regid 12345 --clear-groups
    --inh-caps=+dac_override --ambient-caps=+dac_override
)
import_it='import openvino; print("imported", openvino.__version__)'
cd /

echo "without HOME:"
without=$(env -i PATH="$PATH" "${as_a_number[@]}" "$folder/venv/bin/python" -c "$import_it" 2>&1 || true)
tail -n 1 <<<"$without"
echo "with HOME:"
with=$(env -i PATH="$PATH" HOME="$folder/home" "${as_a_number[@]}" \
    "$folder/venv/bin/python" -c "$import_it" 2>&1 || true)
tail -n 1 <<<"$with"

grep -q "RuntimeError: Could not determine home directory" <<<"$without"
grep -q "^imported 2026.4.1" <<<"$with"
echo "as described"
