/*
 * Which Berth this is.
 */
#ifndef BERTH_BASE_VERSION_H
#define BERTH_BASE_VERSION_H

#define BERTH_VERSION "0.1.0"
#define BERTH_RELEASE_DATE "November 28, 2026"

#endif
