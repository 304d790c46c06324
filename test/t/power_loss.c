/*
 * power_loss.c
 *		What a loss of power leaves of a directory (023_durability.pl).
 *
 * As a library that a server is started with (LD_PRELOAD), it keeps on the DISK
 * what of the directory LIVE would be there after the power is lost:
 *
 *		DISK/inodes/ID	content of a file as of its last sync
 *		DISK/names/...	tree of the names, hard links to inodes
 *
 * A sync of a file puts its content there, and the name that it has, as the
 * usual file systems do. A sync of a directory does so for the names in it, made,
 * renamed and removed; a file that was never synced is empty there. Nothing else
 * reaches the disk: writes to files opened with O_SYNC or O_DSYNC do not. What the
 * kernel holds back is no matter: the real syncs are left out.
 *
 * As a program, "power_loss LIVE DISK PERCENT SEED" makes of LIVE what is left of
 * it, and of the disk the same: each block, size and name that was not synced
 * survives with the given probability. A name whose removal was not synced stays.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK  4096
#define COPIED (64 * 1024)

typedef char Path[PATH_MAX];

static const char *live;
static const char *disk;
static int percent;

static void
fail(const char *path)
{
	fprintf(stderr, "power_loss: %s: %s\n", path, strerror(errno));
	_exit(70);
}

static void
join(Path path, const char *directory, const char *name)
{
	if (snprintf(path, PATH_MAX, "%s/%s", directory, name) >= PATH_MAX)
	{
		errno = ENAMETOOLONG;
		fail(name);
	}
}

static bool
exists(const char *path, struct stat *st)
{
	if (lstat(path, st) == 0)
		return true;
	if (errno != ENOENT && errno != ENOTDIR)
		fail(path);
	return false;
}

/* Where the content of a file is; false where there is no such file. Its birth tells it from one that had its number before. */
static bool
inode_path(Path path, const char *file)
{
	struct statx sx;

	if (statx(AT_FDCWD, file, 0, STATX_INO | STATX_BTIME, &sx) != 0)
	{
		if (errno != ENOENT)
			fail(file);
		return false;
	}
	snprintf(path, PATH_MAX, "%s/inodes/%llu-%lld.%u", disk, (unsigned long long) sx.stx_ino,
			 (long long) sx.stx_btime.tv_sec, sx.stx_btime.tv_nsec);
	return true;
}

static int
open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		fail(path);
	return fd;
}

/* Fills the buffer, with zeros behind the end of the file. */
static void
read_at(int fd, char *buffer, off_t at, size_t size)
{
	size_t done = 0;
	ssize_t n = 1;

	while (done < size && n > 0)
	{
		n = pread(fd, buffer + done, size - done, at + done);
		if (n < 0 && errno != EINTR)
			fail("read");
		done += n > 0 ? n : 0;
		n = n < 0 ? 1 : n;
	}
	memset(buffer + done, 0, size - done);
}

static void
write_at(int fd, const char *buffer, off_t at, size_t size)
{
	while (size > 0)
	{
		ssize_t n = pwrite(fd, buffer, size, at);

		if (n < 0 && errno != EINTR)
			fail("write");
		n = n > 0 ? n : 0;
		buffer += n;
		at += n;
		size -= n;
	}
}

static void
set_size(int fd, off_t size)
{
	while (ftruncate(fd, size) != 0)
		if (errno != EINTR)
			fail("ftruncate");
}

static void
copy_content(const char *from, const char *to)
{
	char buffer[COPIED];
	int in = open_file(from, O_RDONLY);
	int out = open_file(to, O_RDWR | O_CREAT);
	struct stat st;

	if (fstat(in, &st) != 0)
		fail(from);
	set_size(out, st.st_size);
	for (off_t at = 0; at < st.st_size; at += COPIED)
	{
		size_t size = st.st_size - at < COPIED ? st.st_size - at : COPIED;

		read_at(in, buffer, at, size);
		write_at(out, buffer, at, size);
	}
	close(in);
	close(out);
}

static void
make_directory(const char *path)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		fail(path);
}

static void
make_parents(const char *path)
{
	Path parent;

	for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/'))
	{
		snprintf(parent, PATH_MAX, "%.*s", (int) (slash - path), path);
		make_directory(parent);
	}
}

/* Calls a function for each entry of a directory, if there is one. */
static void
each_entry(const char *path, void (*call)(const char *name, void *arg), void *arg)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	if (directory == NULL && errno == ENOENT)
		return;
	if (directory == NULL)
		fail(path);
	while ((entry = readdir(directory)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			call(entry->d_name, arg);
	closedir(directory);
}

/* The disk */

static void remove_entry(const char *name, void *arg);

static void
remove_all(const char *path)
{
	struct stat st;

	if (!exists(path, &st))
		return;
	if (S_ISDIR(st.st_mode))
		each_entry(path, remove_entry, (void *) path);
	if ((S_ISDIR(st.st_mode) ? rmdir(path) : unlink(path)) != 0)
		fail(path);
}

static void
remove_entry(const char *name, void *arg)
{
	Path path;

	join(path, arg, name);
	remove_all(path);
}

/* Makes a name of the disk that of an inode. */
static void
set_name(const char *inode, const char *name)
{
	Path made;
	struct stat a;
	struct stat b;

	if (!exists(inode, &a))
		fail(inode);
	if (exists(name, &b) && a.st_ino == b.st_ino)
		return;
	join(made, disk, "new");
	(void) unlink(made);
	make_parents(name);
	if (link(inode, made) != 0 || rename(made, name) != 0)
		fail(name);
}

/* Where something is in both. */
static void
find(Path path, Path on_disk, const char *directory, const char *name)
{
	Path relative;
	Path names;

	join(relative, directory, name);
	join(path, live, relative);
	join(names, disk, "names");
	join(on_disk, names, relative);
}

static void
keep_name(const char *name, void *arg)
{
	Path path;
	Path on_disk;
	Path inode;
	struct stat st;

	find(path, on_disk, arg, name);
	if (!exists(path, &st))
		return;
	if (S_ISDIR(st.st_mode))
	{
		make_parents(on_disk);
		make_directory(on_disk);
	}
	else if (S_ISREG(st.st_mode) && inode_path(inode, path))
	{
		close(open_file(inode, O_RDWR | O_CREAT));
		set_name(inode, on_disk);
	}
}

static void
forget_name(const char *name, void *arg)
{
	Path path;
	Path on_disk;
	struct stat st;

	find(path, on_disk, arg, name);
	if (!exists(path, &st))
		remove_all(on_disk);
}

static void
sync_directory(const char *relative)
{
	Path path;
	Path on_disk;

	find(path, on_disk, relative, ".");
	each_entry(path, keep_name, (void *) relative);
	each_entry(on_disk, forget_name, (void *) relative);
}

static void
sync_file(const char *open_path, const struct stat *st, const char *relative)
{
	Path inode;
	Path path;
	Path on_disk;
	struct stat now;

	if (!inode_path(inode, open_path))
		fail(open_path);
	copy_content(open_path, inode);
	find(path, on_disk, ".", relative);
	if (exists(path, &now) && now.st_ino == st->st_ino)
		set_name(inode, on_disk);
}

/* One sync at a time: what a later one saw is not undone by an earlier one. */
static int
lock_disk(void)
{
	Path path;
	int fd;

	join(path, disk, "lock");
	fd = open_file(path, O_RDWR | O_CREAT);
	while (flock(fd, LOCK_EX) != 0)
		if (errno != EINTR)
			fail(path);
	return fd;
}

static int
sync_descriptor(int fd)
{
	Path open_path;
	Path path;
	struct stat st;
	size_t size;
	ssize_t length;
	int lock;

	live = getenv("POWER_LOSS_LIVE");
	disk = getenv("POWER_LOSS_DISK");
	if (live == NULL || disk == NULL)
		return 0;
	lock = lock_disk();
	size = strlen(live);
	snprintf(open_path, PATH_MAX, "/proc/self/fd/%d", fd);
	length = readlink(open_path, path, PATH_MAX - 1);
	if (length < 0 || fstat(fd, &st) != 0)
		fail(open_path);
	path[length] = '\0';
	if (strncmp(path, live, size) == 0 && (path[size] == '/' || path[size] == '\0'))
	{
		const char *relative = path[size] == '/' ? path + size + 1 : ".";

		if (S_ISDIR(st.st_mode))
			sync_directory(relative);
		else
			sync_file(open_path, &st, relative);
	}
	close(lock);
	return 0;
}

__attribute__((visibility("default"))) int
fsync(int fd)
{
	return sync_descriptor(fd);
}

__attribute__((visibility("default"))) int
fdatasync(int fd)
{
	return sync_descriptor(fd);
}

/* The loss */

static bool
survives(void)
{
	return random() % 100 < percent;
}

static void
lose_blocks(const char *synced, const char *written)
{
	char blocks[2][BLOCK];
	struct stat st[2];
	int fd[2];
	off_t size;

	fd[0] = open_file(synced, O_RDWR | O_CREAT);
	fd[1] = open_file(written, O_RDWR);
	if (fstat(fd[0], &st[0]) != 0 || fstat(fd[1], &st[1]) != 0)
		fail(written);
	size = st[st[0].st_size != st[1].st_size && survives()].st_size;
	for (off_t at = 0; at < size; at += BLOCK)
	{
		for (int i = 0; i < 2; i++)
			read_at(fd[i], blocks[i], at, BLOCK);
		if (memcmp(blocks[0], blocks[1], BLOCK) != 0)
		{
			int from = at < st[1].st_size && survives();

			write_at(fd[!from], blocks[from], at, BLOCK);
		}
	}
	for (int i = 0; i < 2; i++)
	{
		set_size(fd[i], size);
		close(fd[i]);
	}
}

static void lose(const char *relative);

/* Makes the file of a name, which LIVE does not have, what it is on the disk. */
static void
bring_back(const char *name_on_disk, const char *path)
{
	Path inode;

	copy_content(name_on_disk, path);
	inode_path(inode, path);
	copy_content(path, inode);
	set_name(inode, name_on_disk);
}

static void
lose_file(const char *name_on_disk, const char *path)
{
	Path inode;
	struct stat named;
	struct stat st;
	bool has_name = exists(name_on_disk, &named);

	inode_path(inode, path);
	if ((has_name && exists(inode, &st) && st.st_ino == named.st_ino) || survives())
	{
		lose_blocks(inode, path);
		set_name(inode, name_on_disk);
		return;
	}
	if (unlink(path) != 0)
		fail(path);
	/* Another file had the name. */
	if (has_name)
		bring_back(name_on_disk, path);
}

/* What has a name on the disk. */
static void
lose_named(const char *name, void *arg)
{
	Path relative;
	Path path;
	Path on_disk;
	struct stat synced;
	struct stat written;

	join(relative, arg, name);
	find(path, on_disk, arg, name);
	if (!exists(on_disk, &synced))
		return;
	if (S_ISDIR(synced.st_mode))
	{
		make_directory(path);
		lose(relative);
	}
	else if (exists(path, &written))
		lose_file(on_disk, path);
	else
		bring_back(on_disk, path);
}

static void
lose_unnamed(const char *name, void *arg)
{
	Path path;
	Path on_disk;
	struct stat synced;
	struct stat written;

	find(path, on_disk, arg, name);
	if (exists(on_disk, &synced) || !exists(path, &written))
		return;
	if (S_ISDIR(written.st_mode) && survives())
	{
		make_directory(on_disk);
		lose_named(name, arg);
	}
	else if (S_ISDIR(written.st_mode))
		remove_all(path);
	else if (S_ISREG(written.st_mode))
		lose_file(on_disk, path);
}

static void
lose(const char *relative)
{
	Path path;
	Path on_disk;

	find(path, on_disk, relative, ".");
	each_entry(on_disk, lose_named, (void *) relative);
	each_entry(path, lose_unnamed, (void *) relative);
}

int
main(int argc, char **argv)
{
	if (argc != 5)
	{
		fprintf(stderr, "usage: power_loss LIVE DISK PERCENT SEED\n");
		return 2;
	}
	live = argv[1];
	disk = argv[2];
	percent = atoi(argv[3]);
	srandom(atoi(argv[4]));
	lose(".");
	return 0;
}
