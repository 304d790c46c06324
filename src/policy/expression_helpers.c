/*
 * expression_helpers.c
 *		The immutable functions that expressions may use besides the server's.
 */
#include "common/month.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"

LEDGER_FUNCTION(ledger_month_start);
LEDGER_FUNCTION(ledger_month_end);
LEDGER_FUNCTION(ledger_days_in_month);
LEDGER_FUNCTION(ledger_to_code);

static DateADT
finite_date(DateADT date)
{
	if (DATE_NOT_FINITE(date))
		ereport(ERROR, (errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE), errmsg("date is infinite")));
	return date;
}

Datum
ledger_month_start(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(month_of(finite_date(PG_GETARG_DATEADT(0))));
}

Datum
ledger_month_end(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(month_after(finite_date(PG_GETARG_DATEADT(0)), 1) - 1);
}

Datum
ledger_days_in_month(PG_FUNCTION_ARGS)
{
	DateADT date = finite_date(PG_GETARG_DATEADT(0));

	PG_RETURN_INT32(month_after(date, 1) - month_of(date));
}

Datum
ledger_to_code(PG_FUNCTION_ARGS)
{
	int julian = finite_date(PG_GETARG_DATEADT(0)) + POSTGRES_EPOCH_JDATE;
	int year;
	int month;
	int day;
	char *p = text_to_cstring(PG_GETARG_TEXT_PP(1));
	StringInfoData code;

	j2date(julian, &year, &month, &day);
	initStringInfo(&code);
	while (*p != '\0')
	{
		if (strncmp(p, "YYYY", 4) == 0)
		{
			appendStringInfo(&code, "%04d", year);
			p += 4;
		}
		else if (strncmp(p, "DDD", 3) == 0)
		{
			appendStringInfo(&code, "%03d", julian - date2j(year, 1, 1) + 1);
			p += 3;
		}
		else if (strncmp(p, "YY", 2) == 0)
		{
			appendStringInfo(&code, "%02d", ((year % 100) + 100) % 100);
			p += 2;
		}
		else if (strncmp(p, "MM", 2) == 0)
		{
			appendStringInfo(&code, "%02d", month);
			p += 2;
		}
		else if (strncmp(p, "DD", 2) == 0)
		{
			appendStringInfo(&code, "%02d", day);
			p += 2;
		}
		else if (*p == 'Q')
		{
			appendStringInfo(&code, "%d", (month + 2) / 3);
			p++;
		}
		else
			appendStringInfoChar(&code, *p++);
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(code.data, code.len));
}
