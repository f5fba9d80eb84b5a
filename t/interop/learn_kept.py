"""What is known already, in a file, so that a long comparison that was ended
goes on where it was.

A mapping of texts to JSON values.  The file's first line says what made the
values (digests of the files in `made_by`, the versions of installed packages
and `also`); a file of something else is emptied.  Each value is a line of its
own, on the disk before the next is computed; a last line that was cut is no
value.
"""

import hashlib
import importlib.metadata
import json
import os


class Kept:
    def __init__(self, folder, made_by, also):
        self.path = f"{folder}/kept.jsonl"
        self.values = {}
        head = json.dumps({
            "files": [self.digest(path) for path in made_by],
            "packages": sorted(f"{d.name} {d.version}" for d in
                               importlib.metadata.distributions()),
            "also": also})

        if not self.read(head):
            with open(self.path, "w") as f:
                f.write(head + "\n")

    @staticmethod
    def digest(path):
        with open(path, "rb") as f:
            return hashlib.sha256(f.read()).hexdigest()

    def read(self, head):
        """Whether the file is one of these values, without a cut end."""
        if not os.path.exists(self.path):
            return False

        with open(self.path, "rb") as f:
            lines = f.read().split(b"\n")

        if lines[0].decode() != head or len(lines) == 1:
            return False

        # behind the last newline: nothing, or a value that was cut

        os.truncate(self.path, sum(len(line) + 1 for line in lines[:-1]))

        for line in lines[1:-1]:
            key, value = json.loads(line)
            self.values[key] = value

        return True

    def __contains__(self, key):
        return key in self.values

    def __getitem__(self, key):
        return self.values[key]

    def __setitem__(self, key, value):
        with open(self.path, "a") as f:
            f.write(json.dumps([key, value]) + "\n")
            f.flush()
            os.fsync(f.fileno())

        self.values[key] = value
