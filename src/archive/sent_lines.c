/*
 * sent_lines.c
 *		acct._sent_lines(): the lines of files that a query makes, handed on to
 *		the caller, and counted and hashed on the way.
 *
 * The query's rows are (file_name, line, is_record), those of a file one after the
 * other. They go into the tuple store of the result, which spills to disk beyond
 * work_mem, so memory does not grow with the files. The digest is that of the
 * file which a client writes: each line in UTF-8, with a line feed at its end.
 * At the end of each file acct._record_audit_export() is called, so nobody gets
 * a file that is not recorded.
 */
#include "common/query.h"
#include "seal/hash.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

LEDGER_FUNCTION(ledger_sent_lines);

typedef struct SentFile
{
	ReturnSetInfo *result;
	MemoryContext context;
	Datum scope;
	char *name; /* NULL: no file has begun */
	Hasher *hasher;
	int64 records;
	int64 lines;
	int64 bytes;
} SentFile;

static void
begin_file(SentFile *file, const char *name)
{
	file->name = MemoryContextStrdup(file->context, name);
	hash_begin(file->hasher);
	file->records = file->lines = file->bytes = 0;
}

static void
ignore_row(TupleTableSlot *slot, void *arg)
{
}

static void
end_file(SentFile *file)
{
	QueryArgs args = {0};
	Sha256 hash;

	if (file->name == NULL)
		return;
	hash = hash_end(file->hasher);
	query_arg(&args, JSONBOID, file->scope);
	query_arg(&args, TEXTOID, CStringGetTextDatum(file->name));
	query_arg(&args, INT8OID, Int64GetDatum(file->records));
	query_arg(&args, INT8OID, Int64GetDatum(file->lines));
	query_arg(&args, INT8OID, Int64GetDatum(file->bytes));
	query_arg(&args, TEXTOID, hash_to_text(&hash));
	/* The query whose rows these are may go on afterwards. */
	query_open();
	query_call("SELECT acct._record_audit_export($1, $2, $3, $4, $5, $6)", &args, ignore_row, NULL);
	query_close();
	pfree(file->name);
	file->name = NULL;
}

static bool
is_same_text(text *t, const char *s)
{
	return VARSIZE_ANY_EXHDR(t) == strlen(s) &&
		   memcmp(VARDATA_ANY(t), s, VARSIZE_ANY_EXHDR(t)) == 0;
}

/* A row (file_name, line, is_record). */
static void
send_line(TupleTableSlot *slot, void *arg)
{
	SentFile *file = arg;
	text *name;
	text *line;
	char *bytes;
	int length;

	slot_getallattrs(slot);
	if (slot->tts_isnull[0] || slot->tts_isnull[1])
		elog(ERROR, "a line of a file is NULL");
	name = DatumGetTextPP(slot->tts_values[0]);
	line = DatumGetTextPP(slot->tts_values[1]);
	if (file->name == NULL || !is_same_text(name, file->name))
	{
		end_file(file);
		begin_file(file, text_to_cstring(name));
	}
	length = VARSIZE_ANY_EXHDR(line);
	bytes = pg_server_to_any(VARDATA_ANY(line), length, PG_UTF8);
	if (bytes != VARDATA_ANY(line))
		length = strlen(bytes);
	hash_add(file->hasher, bytes, length);
	hash_add(file->hasher, "\n", 1);
	file->bytes += length + 1;
	file->lines++;
	if (!slot->tts_isnull[2] && DatumGetBool(slot->tts_values[2]))
		file->records++;
	tuplestore_putvalues(file->result->setResult, file->result->setDesc, slot->tts_values,
						 slot->tts_isnull);
	if (bytes != VARDATA_ANY(line))
		pfree(bytes);
}

Datum
ledger_sent_lines(PG_FUNCTION_ARGS)
{
	SentFile file = {.result = (ReturnSetInfo *) fcinfo->resultinfo,
					 .context = CurrentMemoryContext,
					 .scope = PG_GETARG_DATUM(1),
					 .hasher = hasher_open()};
	char *sql = text_to_cstring(PG_GETARG_TEXT_PP(0));

	InitMaterializedSRF(fcinfo, 0);
	query_open();
	/* Under the snapshot of the caller's statement, so that files of one statement agree. */
	query_each_row(sql, NULL, send_line, &file);
	end_file(&file);
	query_close();
	hasher_close(file.hasher);
	return (Datum) 0;
}
