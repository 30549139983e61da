#!/usr/bin/env bash
# Installs the packages of a build into a clean Debian 12 and runs what they hold: scripts/check_packages.sh [BUILD].
# Needs root, debootstrap, dpkg-dev and a Debian mirror; BUILD (default build/release) is built already. Everything
# happens below a temporary folder, which is removed at the end.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly build=${1:-build/release}
readonly runtime=${CNNOPT_PREFIX:-$HOME/.cache/cnnopt}/lib/libonnxruntime.so.1

say() { printf 'packages: %s\n' "$*"; }
fail() { printf 'packages: %s\n' "$*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "root is needed, for a root folder of its own"
for program in debootstrap dpkg-shlibdeps; do command -v "$program" >/dev/null || fail "no $program"; done
[ -e "$build/CPackConfig.cmake" ] || fail "no $build/CPackConfig.cmake: build first"

work=$(mktemp -d); chmod 755 "$work"
readonly work root=$work/root
trap 'umount "$root/proc" 2>/dev/null || true; rm -rf --one-file-system "$work"' EXIT
for kind in DEB TGZ; do cpack --config "$build/CPackConfig.cmake" -G "$kind" -B "$work/package" >/dev/null; done
uri=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v security | head -n 1)
say "a clean Debian 12 from $uri"
debootstrap --variant=minbase bookworm "$root" "$uri" >"$work/log" || { tail "$work/log" >&2; fail "debootstrap"; }
mount -t proc proc "$root/proc"
cp testdata/lenet.onnx testdata/mnist_samples.npy "$work"/package/cnnopt* "$root/"
cp -L "$runtime" "$root/libonnxruntime.so.1"
inside() {
  chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive \
    ORT_DISABLE_TELEMETRY=1 "$@"
}
slim() {  # by the command $1, into /$2
  inside "$1" --version
  inside "$1" /lenet.onnx "/$2" --target-macs=0.6 --calibration=/mnist_samples.npy --samples=10 --no-latency \
    --ort=/libonnxruntime.so.1 | tail -n 5
}

say "the Debian package"
inside apt-get update -q >"$work/log"
deb=$(cd "$root" && echo cnnopt*.deb)
inside apt-get install -y -q --no-install-recommends "/$deb" >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "$deb"; }
slim cnnopt deb.onnx
inside dpkg -L cnnopt | grep -q '/libcnnopt\.so' || fail "$deb has no libcnnopt.so"
inside dpkg --purge cnnopt >"$work/log" 2>&1  # what it depended on stays, for the archive
if inside sh -c 'command -v cnnopt'; then fail "the command is still there"; fi

say "the archive"
mkdir "$root/opt/cnnopt"
tar xzf "$root"/cnnopt*.tar.gz -C "$root/opt/cnnopt" --strip-components=1
slim /opt/cnnopt/bin/cnnopt archive.onnx
cmp "$root/deb.onnx" "$root/archive.onnx"
say "both run and give the same bytes"
