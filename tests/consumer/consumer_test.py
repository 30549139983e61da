#!/usr/bin/env python3
"""Installs the library and builds other people's programs against it: consumer_test.py BUILD SOURCE install|archive.

By `cmake --install`, or out of the archive that cpack makes. C++ by find_package, shared and static, and C11 by
pkg-config. All give the command's bytes, and the shared library shows nothing but its interface.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

build, source = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
here = pathlib.Path(__file__).resolve().parent


def run(*command, quiet=False, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    said = done.stdout + done.stderr
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{said}")
    if quiet and said:
        sys.exit(f"{' '.join(map(str, command))}: expected no output, found\n{said}")
    return done.stdout


def cached(name):
    for line in (build / "CMakeCache.txt").read_text().splitlines():
        if line.startswith(name + ":"):
            return line.split("=", 1)[1]
    sys.exit(f"{build}/CMakeCache.txt has no {name}")


def check_symbols(library):
    """Only functions of the interface are visible: of C++ none that takes an onnx::ModelProto."""
    lines = run("nm", "-D", "--defined-only", "-C", library).splitlines()
    names = sorted({line.split(" ", 2)[2].split("(")[0] for line in lines})
    expected = sorted(["cnnopt::SlimFile", "cnnopt::SlimBytes", "cnnopt::InspectFile", "cnnopt::InspectBytes",
                       "cnnopt::CompareFiles", "cnnopt::CompareBytes", "cnnopt::ExitCodeOf", "cnnopt_abi_version",
                       "cnnopt_compare", "cnnopt_compare_files", "cnnopt_free", "cnnopt_inspect",
                       "cnnopt_inspect_file", "cnnopt_slim", "cnnopt_slim_file", "cnnopt_version"])
    functions = [name.replace("[abi:cxx11]", "") for name in names]
    if functions != expected:
        sys.exit(f"{library} shows {functions}, expected {expected}")
    needed = run("readelf", "-d", library)
    for unwanted in ("libprotobuf", "libonnx"):
        if unwanted in needed:
            sys.exit(f"{library} needs {unwanted}, which should be inside")


def install(prefix, how):
    """Puts everything at `prefix`, which is not where it was installed to: it may stand anywhere."""
    first = prefix.parent / "first"
    if how == "install":
        run(cached("CMAKE_COMMAND"), "--install", build, "--prefix", first)
        shutil.move(first, prefix)
        return
    run(cached("CMAKE_CPACK_COMMAND"), "--config", build / "CPackConfig.cmake", "-G", "TGZ", "-B", first)
    (archive,) = first.glob("cnnopt-*.tar.gz")
    prefix.mkdir()
    run("tar", "xzf", archive, "-C", prefix, "--strip-components=1")
    for name in ("LICENSE", "THIRD_PARTY_NOTICES.md", "CHANGELOG.md"):
        if not (prefix / "share/doc/cnnopt" / name).exists():
            sys.exit(f"{archive.name} has no share/doc/cnnopt/{name}")
    shutil.rmtree(first)


def main():
    if shutil.which("pkg-config") is None:
        print("skipped: no pkg-config, which scripts/setup.sh --dev installs")
        return 77
    cmake = cached("CMAKE_COMMAND")
    model, samples = source / "testdata/lenet.onnx", source / "testdata/mnist_samples.npy"
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        prefix = folder / "prefix"
        install(prefix, sys.argv[3])
        libraries = prefix / cached("CMAKE_INSTALL_LIBDIR")
        check_symbols(libraries / "libcnnopt.so")
        environment = dict(os.environ, LD_LIBRARY_PATH=str(libraries), ORT_DISABLE_TELEMETRY="1",
                           CNNOPT_ORT=str(pathlib.Path(cached("CNNOPT_PREFIX")) / "lib/libonnxruntime.so.1"),
                           PKG_CONFIG_PATH=str(libraries / "pkgconfig"))
        run(prefix / "bin/cnnopt", model, folder / "command.onnx", "--target-macs=0.6", f"--calibration={samples}",
            "--samples=10", "--no-latency", env=environment)
        expected = (folder / "command.onnx").read_bytes()

        run(cmake, "-S", here, "-B", folder / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
            f"-DCMAKE_PREFIX_PATH={prefix};{cached('CNNOPT_PREFIX')}")
        run(cmake, "--build", folder / "build")
        flags = run("pkg-config", "--cflags", "--libs", "cnnopt", env=environment).split()
        run("cc", "-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror", here / "slim.c", "-o", folder / "in_c",
            *flags)
        for program in (folder / "build/with_shared", folder / "build/with_static", folder / "in_c"):
            out = folder / (program.name + ".onnx")
            run(program, model, out, samples, env=environment, quiet=True)
            if out.read_bytes() != expected:
                sys.exit(f"{program.name} does not give the command's bytes")
    return 0


sys.exit(main())
