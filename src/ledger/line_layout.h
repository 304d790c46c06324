/*
 * line_layout.h
 *		The columns of journal headers and lines as the engine has them: names,
 *		types, order, and how a row begins when it is stored.
 *
 * A table may have more columns, or another order: what depends on neither asks
 * line_layout_is_own() first. acct.je_header_staging and acct.je_line_staging
 * are declared so (sql/runs/staging.sql).
 */
#ifndef LEDGER_LINE_LAYOUT_H
#define LEDGER_LINE_LAYOUT_H

#include "common/ledger_engine.h"

#include "access/tupdesc.h"
#include "utils/date.h"

/* The columns of a line. */
enum
{
	LINE_JE_ID,
	LINE_RUN_ID,
	LINE_TXN_ID,
	LINE_JE_DATE,
	LINE_LINE_NO,
	LINE_ENTITY,
	LINE_BASIS,
	LINE_ACCOUNT,
	LINE_FUND,
	LINE_CURRENCY,
	LINE_PRODUCT,
	LINE_CHANNEL,
	LINE_DEBIT,
	LINE_CREDIT,
	LINE_COLUMNS
};

extern const char *const line_columns[LINE_COLUMNS + 1]; /* ended by NULL */
extern const Oid line_types[LINE_COLUMNS];

/* The codes of a line: its columns from LINE_FIRST_CODE on. */
enum
{
	CODE_ENTITY,
	CODE_BASIS,
	CODE_ACCOUNT,
	CODE_FUND,
	CODE_CURRENCY,
	CODE_PRODUCT,
	CODE_CHANNEL,
	LINE_CODES
};

#define LINE_FIRST_CODE LINE_ENTITY

/* How a line is stored; its codes and amounts follow at once, each with its length. */
typedef struct LineStart
{
	int64 je_id;
	int64 run_id;
	int64 txn_id;
	DateADT je_date;
	int16 line_no;
} LineStart;

#define LINE_START_SIZE (offsetof(LineStart, line_no) + sizeof(int16))

/*
 * The columns of a header. policy_no, reversal_of, memo and original_date may be
 * null in every header; txn_id, txn_month, template, txn_type, product_code and
 * channel in one of a kind that has no such thing, and so have its lines.
 */
enum
{
	HEADER_JE_ID,
	HEADER_RUN_ID,
	HEADER_TXN_ID,
	HEADER_JE_DATE,
	HEADER_TXN_MONTH,
	HEADER_TEMPLATE_VERSION,
	HEADER_LINE_COUNT,
	HEADER_ENTITY,
	HEADER_BASIS,
	HEADER_TEMPLATE_CODE,
	HEADER_TXN_TYPE,
	HEADER_PRODUCT,
	HEADER_CHANNEL,
	HEADER_CURRENCY,
	HEADER_POLICY_NO,
	HEADER_TOTAL_DEBIT,
	HEADER_TOTAL_CREDIT,
	HEADER_REVERSAL_OF,
	HEADER_MEMO,
	HEADER_JOURNAL_TYPE,
	HEADER_ORIGINAL_DATE,
	HEADER_COLUMNS
};

/* The layout of 0.1.0 ends here. */
#define HEADER_COLUMNS_0_1 HEADER_JOURNAL_TYPE

extern const char *const header_columns[HEADER_COLUMNS + 1]; /* ended by NULL */
extern const Oid header_types[HEADER_COLUMNS];

/* How a header is stored; entity_code and the rest follow at once. */
typedef struct HeaderStart
{
	int64 je_id;
	int64 run_id;
	int64 txn_id;
	DateADT je_date;
	DateADT txn_month;
	int32 template_version;
	int32 line_count;
} HeaderStart;

/* True where a table has just these columns, whose numbers are given, in this order. */
extern bool line_layout_is_own(TupleDesc tupdesc, const AttrNumber *columns, int count);

#endif
