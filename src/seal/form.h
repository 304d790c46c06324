/*
 * form.h
 *		The form of rows in a seal: which columns, in which order, and how their
 *		values become bytes (docs/proof-format.md).
 *
 * A form is made from a table, or read from a seal, which names its columns and
 * their classes. It is then bound to a row type, which may have the columns in
 * another order, more of them, or lack some.
 */
#ifndef LEDGER_FORM_H
#define LEDGER_FORM_H

#include "ledger/line_reader.h"

#include "access/tupdesc.h"
#include "lib/stringinfo.h"
#include "utils/date.h"
#include "utils/rel.h"

/* Kinds of rows: two by the numbers that sections have for them, and one that is in no section. */
typedef enum RowKind
{
	ROW_HEADER = 1,
	ROW_LINE = 2,
	ROW_EXCEPTION = 3
} RowKind;

typedef enum ValueClass
{
	CLASS_I2,
	CLASS_I4,
	CLASS_I8,
	CLASS_BOOL,
	CLASS_DATE,
	CLASS_TIME,
	CLASS_AMOUNT,
	CLASS_TEXT,
	CLASS_OTHER,
	VALUE_CLASSES
} ValueClass;

/* Columns that say which row it is, what it came from, and what it comes to. */
typedef enum ColumnGroup
{
	GROUP_IDENTITY,
	GROUP_SOURCE,
	GROUP_AMOUNTS,
	COLUMN_GROUPS
} ColumnGroup;

extern const char *const column_group_names[COLUMN_GROUPS];

typedef struct FormColumn
{
	char *name;
	ValueClass value_class;
	ColumnGroup group;
} FormColumn;

typedef struct RowForm
{
	RowKind kind;
	int ncolumns;
	int bitmap_size;     /* bytes of a row that say which columns have values */
	bool is_line;        /* it has the engine's columns of a line, and no others */
	FormColumn *columns; /* in the order of their names, by bytes */
} RowForm;

/* The form of a table's rows, in the current memory context. */
extern RowForm *form_of_table(TupleDesc tupdesc, RowKind kind);

/* The form that a seal names; NULL where the text is none. */
extern RowForm *form_from_text(const char *text, RowKind kind);

/* The same of a text that a seal or a caller gives: an error where it is none. */
extern RowForm *form_read(const char *text, RowKind kind);

extern char *form_to_text(const RowForm *form);

/* What of a row is not in its bytes, and what sorts it within its section. */
typedef struct RowKey
{
	Code entity;
	Code basis;
	Code fund; /* of lines */
	Code account;
	Code currency;
	DateADT month;
	Code je_number; /* of headers */
	int64 je_id;
	int16 line_no; /* of lines */
	Amount debit;
	Amount credit;
	Code
		stored; /* bytes that are those of all rows of the section, and of no other in the month; of no length: not known */
} RowKey;

/* A form bound to a row type. */
typedef struct BoundForm BoundForm;

/* Columns of the form that the row type lacks are NULL in its rows. LE010 where it lacks one of the engine's, or has it with another type. */
extern BoundForm *form_bind(const RowForm *form, TupleDesc tupdesc, const char *table);

extern const RowForm *form_of(const BoundForm *bound);

/*
 * Appends the bytes of a row, and sets its key (NULL: an exception, which has none), whose codes point into the values. Values of other types are printed: the caller
 * has opened settings_scope_open_pinned() where form_prints(). Memory of values that have to be fetched is the current context's.
 */
extern void
form_encode(BoundForm *bound, const Datum *values, const bool *isnull, StringInfo row, RowKey *key);

/*
 * The same of a line, as a reader of lines read it, from the places where it is stored: many times as fast. False where the line is not
 * stored so, or the form is another one: nothing is appended then.
 */
extern bool form_encode_line(BoundForm *bound, const Line *line, StringInfo row, RowKey *key);

/* Has the form columns whose values are printed? */
extern bool form_prints(const RowForm *form);

/* A copy of a code in UTF-8, as seals have it, and one of the server's encoding; where that cannot be, as it is. */
extern Code form_code(Code code);
extern Code form_code_back(Code code);

/*
 * Adds the values of a row to the checksums of its groups of columns, and returns one of all of them. They are for finding what
 * differs, and are no seal.
 */
extern uint16 form_add_checksums(const RowForm *form, const char *row, uint32 size,
								 uint32 checksums[COLUMN_GROUPS]);

#endif
