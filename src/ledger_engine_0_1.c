/*
 * ledger_engine_0_1.c
 *		A library of its own: the names by which the SQL of version 0.1.0 calls
 *		what the other library has.
 *
 * The install script of version 0.1.0 takes its functions from this library
 * (ledger_engine--0.1.0.control), so that it can still be installed, and updated
 * from. ALTER EXTENSION ... UPDATE replaces all of them.
 */
#include "postgres.h"

#include "fmgr.h"

PG_MODULE_MAGIC;

PGDLLEXPORT void _PG_init(void);

/* Lets the other library be used by this SQL. */
void
_PG_init(void)
{
	*find_rendezvous_variable("ledger_engine_0_1") = (void *) _PG_init;
}

#define FORWARD(name)                                                                         \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                          \
	PG_FUNCTION_INFO_V1(name);                                                                \
	Datum name(PG_FUNCTION_ARGS)                                                              \
	{                                                                                         \
		static PGFunction function = NULL;                                                    \
                                                                                              \
		if (function == NULL)                                                                 \
			function =                                                                        \
				load_external_function("$libdir/ledger_engine", "ledger_" #name, true, NULL); \
		return function(fcinfo);                                                              \
	}                                                                                         \
	extern int no_such_variable

FORWARD(check_expression);
FORWARD(current_batch);
FORWARD(days_in_month);
FORWARD(digest_lines);
FORWARD(digest_table);
FORWARD(expand);
FORWARD(flush_wal);
FORWARD(gets_run_partition);
FORWARD(in_maintenance);
FORWARD(month_end);
FORWARD(month_start);
FORWARD(post);
FORWARD(to_code);
