"""Whether a folder's sdist and wheel hold every file of the package, to the byte, and the wheel no other."""

import sys
import tarfile
import zipfile
from pathlib import Path

(sdist,), (wheel,) = (list(Path(sys.argv[1]).glob(kind)) for kind in ("*.tar.gz", "*.whl"))
package = {
    path.as_posix(): path.read_bytes()
    for path in Path("chainderiv").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
}
with tarfile.open(sdist) as file:
    # below one folder with the name and the version
    source = {m.name.partition("/")[2]: file.extractfile(m).read() for m in file.getmembers() if m.isfile()}
with zipfile.ZipFile(wheel) as file:
    built = {name: file.read(name) for name in file.namelist() if not name.partition("/")[0].endswith(".dist-info")}

for name, held in ((sdist.name, source), (wheel.name, built)):
    if wrong := sorted(path for path, content in package.items() if held.get(path) != content):
        sys.exit(f"{name} lacks, or holds otherwise: {', '.join(wrong)}")
if more := sorted(built.keys() - package.keys()):
    sys.exit(f"{wheel.name} holds what is no part of the package: {', '.join(more)}")
print(f"{sdist.name} and {wheel.name} hold the package's {len(package)} files")
