"""A file system that tells no Unicode forms of a name apart: folding-forms.py KIND FOLDER MOUNT

What is written to MOUNT goes to FOLDER. KIND 'kept' lists names as they were written, as APFS does,
and 'decomposed' in the form NFD alone, as HFS+ does. It needs Debian's python3-fusepy and fuse3.
"""

import os
import sys
from unicodedata import normalize

from fusepy import FUSE, Operations

KIND, FOLDER, MOUNT = sys.argv[1:]


def found(path):
    """Where a path leads to, by what is there; its last name as it is where nothing is."""
    at = FOLDER
    for name in filter(None, path.split('/')):
        wanted = normalize('NFD', name)
        names = os.listdir(at) if os.path.isdir(at) else []
        fallback = wanted if KIND == 'decomposed' else name
        at += '/' + next((each for each in names if normalize('NFD', each) == wanted), fallback)
    return at


class Folding(Operations):
    use_ns = True

    def getattr(self, path, fh=None):
        stats = os.lstat(found(path)) if fh is None else os.fstat(fh)
        counts = ('ino', 'mode', 'nlink', 'uid', 'gid', 'rdev', 'size', 'blocks')
        told = {f'st_{name}': getattr(stats, f'st_{name}') for name in counts}
        for name in ('st_atime', 'st_mtime', 'st_ctime'):
            told[name] = getattr(stats, f'{name}_ns')
        return told

    def create(self, path, mode, fi=None):
        return os.open(found(path), os.O_RDWR | os.O_CREAT, mode)

    def open(self, path, flags):
        return os.open(found(path), flags)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        os.truncate(found(path) if fh is None else fh, length)

    def fsync(self, path, datasync, fh):
        os.fsync(fh)

    def release(self, path, fh):
        os.close(fh)

    def readdir(self, path, fh):
        return ['.', '..', *os.listdir(found(path))]

    def readlink(self, path):
        return os.readlink(found(path))

    def symlink(self, target, source):
        os.symlink(source, found(target))

    def link(self, target, source):
        os.link(found(source), found(target), follow_symlinks=False)

    def rename(self, old, new):
        os.rename(found(old), found(new))

    def mkdir(self, path, mode):
        os.mkdir(found(path), mode)

    def mknod(self, path, mode, dev):
        os.mknod(found(path), mode, dev)

    def rmdir(self, path):
        os.rmdir(found(path))

    def unlink(self, path):
        os.unlink(found(path))

    def chmod(self, path, mode):
        os.chmod(found(path), mode)

    def chown(self, path, uid, gid):
        unchanged = 0xFFFFFFFF
        os.lchown(found(path), *(-1 if each == unchanged else each for each in (uid, gid)))

    def utimens(self, path, times=None):
        os.utime(found(path), ns=times, follow_symlinks=False)

    def setxattr(self, path, name, value, options, position=0):
        os.setxattr(found(path), name, value, options, follow_symlinks=False)

    def getxattr(self, path, name, position=0):
        return os.getxattr(found(path), name, follow_symlinks=False)

    def listxattr(self, path):
        return os.listxattr(found(path), follow_symlinks=False)

    def removexattr(self, path, name):
        os.removexattr(found(path), name, follow_symlinks=False)


os.umask(0)
# What is known of one name says nothing of the others, so nothing may be kept in mind.
unknown = {'entry_timeout': 0, 'attr_timeout': 0, 'negative_timeout': 0}
FUSE(Folding(), MOUNT, nothreads=True, use_ino=True, hard_remove=True, direct_io=True, **unknown)
