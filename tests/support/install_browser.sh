#!/usr/bin/env bash
# Makes sure there are a real Chromium and a real Firefox for the end-to-end tests.
# CHROMIUM and FIREFOX name other binaries.
set -euo pipefail
missing=()
command -v "${CHROMIUM:-chromium}" >/dev/null || missing+=(chromium)
command -v "${FIREFOX:-firefox-esr}" >/dev/null || missing+=(firefox-esr)
if [ ${#missing[@]} -eq 0 ]; then exit 0; fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "The end-to-end tests need ${missing[*]}. As root: apt-get install ${missing[*]}" >&2
  echo "Or point CHROMIUM and FIREFOX at their binaries." >&2
  exit 1
fi
echo "Installing ${missing[*]} for the end-to-end tests" >&2
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
