/*
 * expression_fold.h
 *		Computes the constant parts of an expression, within the limits of its
 *		evaluation, and refuses what is visibly too large.
 */
#ifndef LEDGER_EXPRESSION_FOLD_H
#define LEDGER_EXPRESSION_FOLD_H

#include "policy/expression_check.h"

/*
 * A copy of context->expr whose constant parts are constants. LE003, at its
 * place, for a part that goes beyond a limit, and for a length or count that
 * does. A part that fails otherwise stays as it is: it may never be reached.
 */
extern Node *expression_fold(CheckContext *context);

#endif
