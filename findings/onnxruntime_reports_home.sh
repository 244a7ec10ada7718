#!/usr/bin/env bash
# Finding: ONNX Runtime for Linux makes an id of the device, and collects events to send to its maker, without asking.
# Programs with Silero, Piper or faster-whisper load this library, as do most voice pipelines. So they report, too.
#
# Version: onnxruntime 1.32.0 and faster-whisper 1.2.1 (for its Silero model), CPython 3.11, Linux x86-64. According to
#   the notes of its releases, the library has done this since 1.29.
# Expected: a library that runs models offline writes nothing into the home folder, and queues nothing to be sent.
# Seen: loading one model creates ~/.cache/Microsoft/DeveloperTools/.onnxruntime with `deviceid`, which stays the same
#   for all programs of this user, and `onnxruntime.db`, a database of events. `disable_telemetry_events()` comes too
#   late: both files are there. Only ORT_DISABLE_TELEMETRY=1, set before the import, prevents them. CI=… has the same
#   effect, so nobody sees this in tests.
# Who is hurt: self-hosted services that promise that nothing leaves the machine.
# Valid input: the Silero model that faster-whisper brings, loaded as usual. The events go nowhere in this script: it
#   gives the library a proxy address on which nothing listens. Fails unless both files are there without the variable,
#   and after `disable_telemetry_events()`, and neither of them is there with the variable.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.32.0 numpy==2.3.5
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps faster-whisper==1.2.1
model=$(ls "$folder"/venv/lib/python3*/site-packages/faster_whisper/assets/*.onnx | head -1)
unset CI

files() { # $1: a name, $2: Python before the model is loaded; $3…: variables → the names of the files in HOME
  mkdir "$folder/$1"
  env HOME="$folder/$1" https_proxy=http://127.0.0.1:9 "${@:3}" "$folder/venv/bin/python" -c "
import onnxruntime
$2
onnxruntime.InferenceSession('$model', providers=['CPUExecutionProvider'])
"
  find "$folder/$1" -type f \( -name deviceid -o -name onnxruntime.db \) -printf '%f ' | tr ' ' '\n' | sort | xargs
}

plain=$(files plain "")
told=$(files told "onnxruntime.disable_telemetry_events()")
off=$(files off "" ORT_DISABLE_TELEMETRY=1)
echo "as installed:                       $plain"
echo "after disable_telemetry_events():   $told"
echo "with ORT_DISABLE_TELEMETRY=1:       ${off:-none}"
[ "$plain" = "deviceid onnxruntime.db" ] && [ "$told" = "deviceid onnxruntime.db" ] && [ -z "$off" ]
