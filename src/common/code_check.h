/*
 * code_check.h
 *		Codes that would be taken for another one, or for none.
 *
 * A code that is empty, begins or ends with a blank, or holds a character that
 * is not seen, makes books beside those that a reader looks for. Policy refuses
 * them, and transactions that name them are set aside. "Blank" and "not seen"
 * are Unicode's where the database's encoding is UTF-8.
 */
#ifndef LEDGER_CODE_CHECK_H
#define LEDGER_CODE_CHECK_H

#include "common/ledger_engine.h"

/* NULL: nothing is wrong. Else the code, quoted, and what is, such as: "MAIN " ends with a blank. */
extern char *code_problem(Code code);

/* A code for a message: in double quotes, with \uXXXX where a character is not seen. In the current context. */
extern char *code_quoted(Code code);

#endif
