/*
 * ledger_engine.h
 *		What every module shares: the SQLSTATEs of the extension, and codes, the
 *		short texts by which accounting data refer to each other.
 *
 * The data path is a straight line:
 *
 *	query -> (source row) -> routing -> journal -> staging -> post -> ledger
 *
 * routing turns a row's codes into candidate templates, journal turns a row
 * and a template into lines, staging writes them, post copies them to the
 * ledger. expand.c and post.c lead its two halves. docs/architecture.md has the
 * rooms that the modules are in.
 */
#ifndef LEDGER_ENGINE_H
#define LEDGER_ENGINE_H

#include "postgres.h"

#include "fmgr.h"

#include "common/compat.h"

#define ERRCODE_LE_BAD_EXPRESSION    MAKE_SQLSTATE('L', 'E', '0', '0', '3')
#define ERRCODE_LE_BAD_TEMPLATE      MAKE_SQLSTATE('L', 'E', '0', '0', '4')
#define ERRCODE_LE_BATCH_TAKEN       MAKE_SQLSTATE('L', 'E', '0', '0', '8')
#define ERRCODE_LE_OUT_OF_BALANCE    MAKE_SQLSTATE('L', 'E', '0', '0', '9')
#define ERRCODE_LE_BAD_LAYOUT        MAKE_SQLSTATE('L', 'E', '0', '1', '0')
#define ERRCODE_LE_UNSUPPORTED_TABLE MAKE_SQLSTATE('L', 'E', '0', '1', '2')

/*
 * A function that SQL declares. The library shows only these, the entry points of
 * workers, and what the server looks for in every library; their names begin with
 * ledger_. Version 15 exports the record of a function, but not the function.
 */
#define LEDGER_FUNCTION(name)                        \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS); \
	PG_FUNCTION_INFO_V1(name)

/* The extension's own schema, acct; raises LE010 where it is missing. */
extern Oid ledger_engine_schema(void);

/* A table of the extension's schema by name; raises LE010 where it is missing. */
extern Oid ledger_engine_table(const char *name);

/* Bytes of a code, not terminated: a view of a text Datum or of memory that outlives it. */
typedef struct Code
{
	const char *data;
	int len;
} Code;

/* What stands for a code that is null. */
static inline Code
code_null(void)
{
	Code code = {NULL, 0};

	return code;
}

static inline Code
code_from_datum(Datum datum)
{
	struct varlena *v = (struct varlena *) DatumGetPointer(datum);
	Code code;

	if (unlikely(VARATT_IS_EXTERNAL(v) || VARATT_IS_COMPRESSED(v)))
		v = PG_DETOAST_DATUM_PACKED(datum);
	code.data = VARDATA_ANY(v);
	code.len = VARSIZE_ANY_EXHDR(v);
	return code;
}

static inline Code
code_from_cstring(const char *s)
{
	Code code = {s, (int) strlen(s)};

	return code;
}

static inline bool
code_equal(Code a, Code b)
{
	return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* strcmp order, the order of COLLATE "C". */
static inline int
code_compare(Code a, Code b)
{
	int c = memcmp(a.data, b.data, Min(a.len, b.len));

	return c != 0 ? c : a.len - b.len;
}

/* A copy in the current memory context. */
static inline Code
code_copy(Code a)
{
	Code copy;
	char *data = palloc(a.len + 1);

	memcpy(data, a.data, a.len);
	data[a.len] = '\0';
	copy.data = data;
	copy.len = a.len;
	return copy;
}

/* A text Datum with the bytes of a code, in the current memory context. */
extern Datum code_to_datum(Code code);

#endif
