/*
 * month.c
 *		Months (see month.h).
 */
#include "common/month.h"

#include "utils/datetime.h"

DateADT
month_of(DateADT date)
{
	int year;
	int month;
	int day;

	Assert(!DATE_NOT_FINITE(date));
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	return date - day + 1;
}

DateADT
month_after(DateADT date, int months)
{
	int year;
	int month;
	int day;
	int since_year; /* months since the first of that year */

	Assert(!DATE_NOT_FINITE(date));
	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	since_year = month - 1 + months;
	year += since_year / MONTHS_PER_YEAR;
	since_year %= MONTHS_PER_YEAR;
	if (since_year < 0)
	{
		since_year += MONTHS_PER_YEAR;
		year--;
	}
	return date2j(year, since_year + 1, 1) - POSTGRES_EPOCH_JDATE;
}
