#!/usr/bin/env bash
# Makes sure there is a real Chromium for the end-to-end tests.  CHROMIUM names another binary.
set -euo pipefail
if command -v "${CHROMIUM:-chromium}" >/dev/null; then exit 0; fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "The end-to-end tests need Chromium. As root: apt-get install chromium" >&2
  echo "Or point CHROMIUM at a Chromium binary." >&2
  exit 1
fi
echo "Installing Chromium for the end-to-end tests" >&2
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
