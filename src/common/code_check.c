/*
 * code_check.c
 *		Says what is wrong with a code (see code_check.h).
 */
#include "common/code_check.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

LEDGER_FUNCTION(ledger_code_problem_text);

/* Of a character whose number is not known; it is seen. */
#define SOME_CHARACTER 0xFFFD

typedef struct Range
{
	pg_wchar first;
	pg_wchar last;
} Range;

/* Controls, marks that turn the direction of writing, and what has neither width nor sense within a code. */
static const Range controls[] = {{0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},
								 {0x180E, 0x180E}, {0x200B, 0x200B}, {0x2028, 0x202E},
								 {0x2060, 0x206F}, {0xFEFF, 0xFEFF}, {0xFFF9, 0xFFFB}};

/* Spaces of any width, joiners, direction marks and fillers: within a code they may have a sense. */
static const Range blanks[] = {
	{0x20, 0x20},     {0xA0, 0xA0},     {0x034F, 0x034F}, {0x061C, 0x061C}, {0x115F, 0x1160},
	{0x1680, 0x1680}, {0x2000, 0x200F}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x2800, 0x2800},
	{0x3000, 0x3000}, {0x3164, 0x3164}, {0xFFA0, 0xFFA0}};

static bool
in_ranges(pg_wchar c, const Range *ranges, int count)
{
	for (int i = 0; i < count; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}

static bool
is_control(pg_wchar c)
{
	return in_ranges(c, controls, lengthof(controls));
}

static bool
is_blank(pg_wchar c)
{
	return in_ranges(c, blanks, lengthof(blanks));
}

/* The Unicode number of the byte of an encoding of one byte, as far as it matters here. */
static pg_wchar
number_of_byte(int encoding, unsigned char byte)
{
	bool is_iso = (encoding >= PG_LATIN1 && encoding <= PG_LATIN10) ||
				  (encoding >= PG_ISO_8859_5 && encoding <= PG_ISO_8859_8);
	bool is_windows = encoding == PG_WIN1256 || encoding == PG_WIN1258 || encoding == PG_WIN874 ||
					  (encoding >= PG_WIN1250 && encoding <= PG_WIN1257) ||
					  encoding == PG_WIN1251 || encoding == PG_WIN1252;

	if (byte < 0x80 || is_iso || (is_windows && byte == 0xA0))
		return byte;
	return SOME_CHARACTER;
}

/* The character at s, and how many of the bytes that are left it takes. */
static pg_wchar
next_character(const char *s, int left, int *size)
{
	int encoding = GetDatabaseEncoding();

	*size = Max(1, Min(left, pg_encoding_mblen(encoding, s)));
	if (*size == 1)
		return number_of_byte(encoding, (unsigned char) *s);
	return encoding == PG_UTF8 && *size == pg_utf_mblen((const unsigned char *) s)
			   ? utf8_to_unicode((const unsigned char *) s)
			   : SOME_CHARACTER;
}

char *
code_quoted(Code code)
{
	StringInfoData text;
	int size;

	initStringInfo(&text);
	appendStringInfoChar(&text, '"');
	for (int at = 0; at < code.len; at += size)
	{
		pg_wchar c = next_character(code.data + at, code.len - at, &size);

		if (is_control(c) || (is_blank(c) && c != ' '))
			appendStringInfo(&text, "\\u%04x", c);
		else
			appendBinaryStringInfo(&text, code.data + at, size);
	}
	appendStringInfoChar(&text, '"');
	return text.data;
}

char *
code_problem(Code code)
{
	bool begins_blank = false;
	bool ends_blank = false;
	int size;

	if (code.len == 0)
		return pstrdup("\"\" is empty");
	for (int at = 0; at < code.len; at += size)
	{
		pg_wchar c = next_character(code.data + at, code.len - at, &size);

		if (is_control(c))
			return psprintf("%s has a control character", code_quoted(code));
		ends_blank = is_blank(c);
		begins_blank |= ends_blank && at == 0;
	}
	if (begins_blank || ends_blank)
		return psprintf("%s %s with a blank", code_quoted(code), begins_blank ? "begins" : "ends");
	return NULL;
}

Datum
ledger_code_problem_text(PG_FUNCTION_ARGS)
{
	char *problem = code_problem(code_from_datum(PG_GETARG_DATUM(0)));

	if (problem == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(problem));
}
