/*
 * The catalogue of reasons: one word for each thing that can be wrong, the same in statuses, logs,
 * exit messages and docs.
 */
#ifndef BERTH_SPECS_REASON_H
#define BERTH_SPECS_REASON_H

#include <stddef.h>

struct reason {
    const char *name;    /* "ImagePullFailed" */
    unsigned code;       /* the HTTP status that says the same */
    const char *meaning; /* one sentence */
    const char *remedy;  /* what to do, one sentence */
};

/* NULL for an unknown name. */
const struct reason *reason_find(const char *name);

/* All, sorted by name. */
const struct reason *reason_list(size_t *ret_count);

/* The words themselves, so that a misspelling does not compile. */
#define REASON_INVALID_SPEC "InvalidSpec"
#define REASON_INVALID_SYNTAX "InvalidSyntax"
#define REASON_UNKNOWN_FIELD "UnknownField"
#define REASON_NOT_SUPPORTED "NotSupported"
#define REASON_DUPLICATE_KEY "DuplicateKey"
#define REASON_INVALID_NAME "InvalidName"
#define REASON_INVALID_MACHINE_TYPE "InvalidMachineType"
#define REASON_INVALID_URL "InvalidURL"
#define REASON_FILE_TOO_LARGE "FileTooLarge"
#define REASON_FILE_UNREADABLE "FileUnreadable"
#define REASON_DUPLICATE_OBJECT "DuplicateObject"
#define REASON_DELETIONS_HELD "DeletionsHeld"
#define REASON_SUSPENDED "Suspended"
#define REASON_PORT_CONFLICT "PortConflict"
#define REASON_PORTS_EXHAUSTED "PortsExhausted"
#define REASON_PORT_IN_USE "PortInUse"
#define REASON_CONTAINER_BROKEN "ContainerBroken"
#define REASON_HOST_PATH_REFUSED "HostPathRefused"
#define REASON_CAPABILITY_REFUSED "CapabilityRefused"
#define REASON_NAME_TAKEN "NameTaken"
#define REASON_IMAGE_NOT_FOUND "ImageNotFound"
#define REASON_IMAGE_PULL_FAILED "ImagePullFailed"
#define REASON_CREATE_FAILED "CreateFailed"
#define REASON_START_FAILED "StartFailed"
#define REASON_CRASH_LOOP "CrashLoopBackOff"
#define REASON_FAILED "Failed"
#define REASON_OOM_KILLED "OOMKilled"
#define REASON_ENGINE_UNAVAILABLE "EngineUnavailable"
#define REASON_ENGINE_ERROR "EngineError"
#define REASON_REPOSITORY_UNKNOWN "RepositoryUnknown"
#define REASON_REPOSITORY_NOT_FOUND "RepositoryNotFound"
#define REASON_REPOSITORY_DUPLICATE "RepositoryDuplicate"
#define REASON_BRANCH_NOT_FOUND "BranchNotFound"
#define REASON_BRANCH_CONFLICT "BranchConflict"
#define REASON_AUTHENTICATION_FAILED "AuthenticationFailed"
#define REASON_CERTIFICATE_INVALID "CertificateInvalid"
#define REASON_CLONE_FAILED "CloneFailed"
#define REASON_CLONE_STALLED "CloneStalled"
#define REASON_CLONE_TOO_LARGE "CloneTooLarge"
#define REASON_REF_NOT_FOUND "RefNotFound"
#define REASON_FETCH_FAILED "FetchFailed"
#define REASON_SCHEME_REFUSED "SchemeRefused"
#define REASON_WORKSPACE_FAILED "WorkspaceFailed"
#define REASON_WORK_KEPT "WorkKept"
#define REASON_DISK_PRESSURE "DiskPressure"
#define REASON_SETUP_FAILED "SetupFailed"
#define REASON_INVALID_DEVCONTAINER "InvalidDevcontainer"
#define REASON_FORBIDDEN "Forbidden"
#define REASON_CONTAINER_LOST "ContainerLost"
#define REASON_DEADLINE_EXCEEDED "DeadlineExceeded"
#define REASON_COMMAND_FAILED "Error"
#define REASON_CHANGED_AFTER_START "ChangedAfterStart"
#define REASON_MEMBERS_FAILED "MembersFailed"
#define REASON_UPDATE_STUCK "UpdateStuck"
#define REASON_POOL_EXHAUSTED "PoolExhausted"
#define REASON_POOL_UNKNOWN "PoolUnknown"
#define REASON_POOL_CONFLICT "PoolConflict"
#define REASON_INSTANCE_FULL "InstanceFull"
#define REASON_UNSCHEDULABLE "Unschedulable"
#define REASON_PROBE_FAILED "ProbeFailed"
#define REASON_HOOK_FAILED "HookFailed"
#define REASON_VALUE_UNAVAILABLE "ValueUnavailable"
#define REASON_INVALID_POLICY "InvalidPolicy"
#define REASON_POLICY_REFUSED "PolicyRefused"
#define REASON_INVALID_CONFIG "InvalidConfig"
#define REASON_NETWORK_TAKEN "NetworkTaken"
#define REASON_ADDRESS_UNAVAILABLE "AddressUnavailable"
#define REASON_SUBNET_TAKEN "SubnetTaken"
#define REASON_SUBNETS_EXHAUSTED "SubnetsExhausted"
#define REASON_REMOTE_ENGINE "RemoteEngine" /* of the condition CapacityEnforced, like the next */
#define REASON_ROOTLESS_ENGINE "RootlessEngine"
#define REASON_NOT_PERMITTED "NotPermitted"
#define REASON_SYSTEMD_UNAVAILABLE "SystemdUnavailable"
#define REASON_NOT_SEEN "NotSeen"
#define REASON_LIMIT_FAILED "LimitFailed"
#define REASON_RECREATE_NEEDED "RecreateNeeded"
#define REASON_SUPERSEDED "Superseded"
#define REASON_STATE_UNWRITABLE "StateUnwritable"

#endif
