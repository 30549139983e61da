"""Zoos for tests of many models: small networks that differ, and a program that behaves badly for some of them."""
import pathlib

OPTIONS = ["--fit=weights", "--verify=off", "--target-macs=0.9", "--pass=dsc"]  # quick: nothing is run


def distinct(model, name):
    """`model` with a metadata entry of its own: another file, the same network."""
    entry = b"\x0a\x04name\x12" + bytes([len(name)]) + name.encode()
    return model + b"\x72" + bytes([len(entry)]) + entry


def make_zoo(folder, source, names):
    network = pathlib.Path(source, "testdata", "lenet.onnx").read_bytes()
    for name in names:
        path = pathlib.Path(folder, name + ".onnx")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"no model" if name.endswith("broken") else distinct(network, name))


def write_script(path, text):
    path = pathlib.Path(path)
    path.write_text("#!/bin/bash\n" + text, encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def make_program(path, cnnopt, more=""):
    """A cnnopt that hangs or eats memory for models of certain names. `more`: lines of shell before it does its work."""
    return write_script(path, """case "$*" in
*/hangs.onnx*) exec sleep 1000 ;;
*/eats.onnx*) exec /usr/bin/python3 -c 'x = [bytes(1 << 24) for i in range(10000)]' ;;
esac
%s
exec '%s' "$@"
""" % (more, cnnopt))
