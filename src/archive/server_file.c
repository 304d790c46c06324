/*
 * server_file.c
 *		Files of the server that COPY writes and reads: acct._file_digest() is size
 *		and SHA-256 of one, read in pieces, so that memory does not grow with it;
 *		acct._put_in_place() gives one that is complete the name of another.
 *
 * They ask for what COPY asks for, of their caller: the privileges of
 * pg_read_server_files, or of pg_write_server_files.
 */
#include "seal/hash.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/pg_authid.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/builtins.h"

LEDGER_FUNCTION(ledger_file_digest);
LEDGER_FUNCTION(ledger_put_in_place);

#define PIECE (64 * 1024)

/* What a file that is being written is called, until it is put in place: its name, and this. */
#define PART ".part"

static void
require_absolute(const char *path)
{
	if (!is_absolute_path(path))
		ereport(ERROR, (errcode(ERRCODE_INVALID_NAME), errmsg("path \"%s\" is not absolute", path),
						errhint("A file of the server is named from the root directory on.")));
}

/* A descriptor of a regular file, for writing too if it is to be flushed; -1: none of that name. */
static int
open_file(const char *path, bool flush)
{
	struct stat st;
	/* What is not a regular file may not be there to end: opening it must not wait. */
	int fd = OpenTransientFile(path, (flush ? O_RDWR : O_RDONLY) | O_NONBLOCK | PG_BINARY);

	if (fd < 0)
	{
		if (errno == ENOENT || errno == ENOTDIR)
			return -1;
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\": %m", path)));
	}
	if (fstat(fd, &st) != 0)
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not stat file \"%s\": %m", path)));
	if (!S_ISREG(st.st_mode))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE), errmsg("\"%s\" is not a regular file", path)));
	return fd;
}

/* Bytes read. */
static int64
read_file(int fd, const char *path, Sha256 *hash)
{
	Hasher *hasher = hasher_open();
	uint8 *piece = palloc(PIECE);
	int64 bytes = 0;

	hash_begin(hasher);
	for (;;)
	{
		ssize_t n;

		CHECK_FOR_INTERRUPTS();
		n = read(fd, piece, PIECE);
		if (n < 0)
			ereport(ERROR,
					(errcode_for_file_access(), errmsg("could not read file \"%s\": %m", path)));
		if (n == 0)
			break;
		hash_add(hasher, piece, n);
		bytes += n;
	}
	*hash = hash_end(hasher);
	hasher_close(hasher);
	pfree(piece);
	return bytes;
}

/* Has a file, and its name in its directory, outlast a crash of the machine. */
static void
flush_file(int fd, const char *path)
{
	char directory[MAXPGPATH];

	if (pg_fsync(fd) != 0)
		ereport(data_sync_elevel(ERROR),
				(errcode_for_file_access(), errmsg("could not fsync file \"%s\": %m", path)));
	strlcpy(directory, path, MAXPGPATH);
	get_parent_directory(directory);
	fsync_fname(directory[0] == '\0' ? "/" : directory, true);
}

Datum
ledger_file_digest(PG_FUNCTION_ARGS)
{
	char *path = text_to_cstring(PG_GETARG_TEXT_PP(0));
	bool flush = PG_GETARG_BOOL(1);
	Sha256 hash;
	TupleDesc tupdesc;
	Datum values[2] = {0};
	bool nulls[2] = {true, true};
	int fd;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_SERVER_FILES))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to read a file of the server"),
						errdetail("It takes the privileges of role %s.", "pg_read_server_files")));
	require_absolute(path);
	fd = open_file(path, flush);
	if (fd >= 0)
	{
		values[0] = Int64GetDatum(read_file(fd, path, &hash));
		values[1] = hash_to_text(&hash);
		nulls[0] = nulls[1] = false;
		if (flush)
			flush_file(fd, path);
		CloseTransientFile(fd);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls)));
}

/* p_path: PATH.part becomes PATH, instead of a file that has this name, also where the machine fails in between. */
Datum
ledger_put_in_place(PG_FUNCTION_ARGS)
{
	char *path = text_to_cstring(PG_GETARG_TEXT_PP(0));

	if (!has_privs_of_role(GetUserId(), ROLE_PG_WRITE_SERVER_FILES))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to write a file of the server"),
						errdetail("It takes the privileges of role %s.", "pg_write_server_files")));
	require_absolute(path);
	(void) durable_rename(psprintf("%s" PART, path), path, ERROR);
	PG_RETURN_VOID();
}
