/*
 * Whether this is a build with the address sanitizer, which needs terabytes of address space, a
 * look at its own process, and threads: limits that take those away are not set then.
 */
#ifndef BERTH_BASE_SANITIZED_H
#define BERTH_BASE_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

#endif
