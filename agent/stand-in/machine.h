/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs of a whole machine of Wine's making share (tools/wine-guest). */
#pragma once

#define RECORDED  "C:\\kiln-test\\recorded.txt"
#define ANSWER    "C:\\windows\\Panther\\unattend.xml" /* where Setup looks for it */
/* Set by who shuts Windows down; the session waits for it. */
#define POWER_OFF L"Global\\kiln-test-power-off"
