/*
 * expression_helpers.c
 *		The immutable functions that expressions may use besides the server's.
 */
#include "common/ledger_engine.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"

LEDGER_FUNCTION(ledger_month_start);
LEDGER_FUNCTION(ledger_month_end);
LEDGER_FUNCTION(ledger_days_in_month);
LEDGER_FUNCTION(ledger_to_code);

typedef struct Ymd
{
	int year;
	int month;
	int day;
} Ymd;

static Ymd
split_date(DateADT date)
{
	Ymd d;

	if (DATE_NOT_FINITE(date))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("date is infinite")));
	j2date(date + POSTGRES_EPOCH_JDATE, &d.year, &d.month, &d.day);
	return d;
}

static int
month_length(Ymd d)
{
	return day_tab[isleap(d.year)][d.month - 1];
}

Datum
ledger_month_start(PG_FUNCTION_ARGS)
{
	DateADT date = PG_GETARG_DATEADT(0);

	PG_RETURN_DATEADT(date - split_date(date).day + 1);
}

Datum
ledger_month_end(PG_FUNCTION_ARGS)
{
	DateADT date = PG_GETARG_DATEADT(0);
	Ymd d = split_date(date);

	PG_RETURN_DATEADT(date - d.day + month_length(d));
}

Datum
ledger_days_in_month(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(month_length(split_date(PG_GETARG_DATEADT(0))));
}

Datum
ledger_to_code(PG_FUNCTION_ARGS)
{
	Ymd d = split_date(PG_GETARG_DATEADT(0));
	char *p = text_to_cstring(PG_GETARG_TEXT_PP(1));
	StringInfoData code;

	initStringInfo(&code);
	while (*p != '\0')
	{
		if (strncmp(p, "YYYY", 4) == 0)
		{
			appendStringInfo(&code, "%04d", d.year);
			p += 4;
		}
		else if (strncmp(p, "DDD", 3) == 0)
		{
			appendStringInfo(&code, "%03d",
							 date2j(d.year, d.month, d.day) - date2j(d.year, 1, 1) + 1);
			p += 3;
		}
		else if (strncmp(p, "YY", 2) == 0)
		{
			appendStringInfo(&code, "%02d", ((d.year % 100) + 100) % 100);
			p += 2;
		}
		else if (strncmp(p, "MM", 2) == 0)
		{
			appendStringInfo(&code, "%02d", d.month);
			p += 2;
		}
		else if (strncmp(p, "DD", 2) == 0)
		{
			appendStringInfo(&code, "%02d", d.day);
			p += 2;
		}
		else if (*p == 'Q')
		{
			appendStringInfo(&code, "%d", (d.month + 2) / 3);
			p++;
		}
		else
			appendStringInfoChar(&code, *p++);
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(code.data, code.len));
}
