import { QueryClient, type UseQueryResult, useQuery } from "@tanstack/react-query";
import type { ListAuditResponse } from "../gen/audit_pb";
import type { WhoamiResponse } from "../gen/console_pb";
import type { ListedController } from "../gen/controllers_pb";
import type {
	Device,
	GetPolicyResponse,
	InviteInfo,
	Peer,
	PendingClaim,
	Session,
	StatusResponse,
	Technician,
} from "../gen/local_pb";
import type { PolicyRevision } from "../gen/meaning_pb";
import { api } from "./clients";
import { problemOf } from "./fault";

/**
 * What the node told last. It is fetched once, and again when Watch names its
 * topic: the first word of each key is a topic of WatchResponse.changed.
 */
export const cache = new QueryClient({
	defaultOptions: {
		queries: {
			staleTime: Number.POSITIVE_INFINITY,
			gcTime: 30 * 60_000,
			refetchOnWindowFocus: false,
			refetchOnReconnect: false,
			structuralSharing: false,
			retry: (count, e) => problemOf(e).kind === "unavailable" && count < 4,
			retryDelay: (count) => Math.min(500 * 2 ** count, 4000),
			networkMode: "always",
		},
		mutations: { networkMode: "always" },
	},
});

export const useWhoami = (): UseQueryResult<WhoamiResponse> =>
	useQuery({ queryKey: ["whoami"], queryFn: ({ signal }) => api.console.whoami({}, { signal }) });

export const useStatus = (): UseQueryResult<StatusResponse> =>
	useQuery({ queryKey: ["status"], queryFn: ({ signal }) => api.node.status({}, { signal }) });

export const useDevices = (): UseQueryResult<Device[]> =>
	useQuery({
		queryKey: ["devices"],
		queryFn: async ({ signal }) => (await api.node.devices({}, { signal })).devices,
	});

export const usePeers = (): UseQueryResult<Peer[]> =>
	useQuery({ queryKey: ["peers"], queryFn: async ({ signal }) => (await api.node.peers({}, { signal })).peers });

export const useInvites = (): UseQueryResult<InviteInfo[]> =>
	useQuery({ queryKey: ["invites"], queryFn: async ({ signal }) => (await api.invites.list({}, { signal })).invites });

export const usePending = (): UseQueryResult<PendingClaim[]> =>
	useQuery({
		queryKey: ["pending"],
		queryFn: async ({ signal }) => (await api.invites.pending({}, { signal })).pending,
	});

export const usePolicy = (): UseQueryResult<GetPolicyResponse> =>
	useQuery({ queryKey: ["policy"], queryFn: ({ signal }) => api.policy.get({}, { signal }) });

export const usePolicyHistory = (): UseQueryResult<PolicyRevision[]> =>
	useQuery({
		queryKey: ["policy", "history"],
		queryFn: async ({ signal }) => (await api.meaning.history({}, { signal })).revisions,
	});

export const useSessions = (): UseQueryResult<Session[]> =>
	useQuery({
		queryKey: ["sessions"],
		queryFn: async ({ signal }) => (await api.sessions.list({}, { signal })).sessions,
	});

/** How many of the newest records the pages show. */
export const auditShown = 2000;

export const useAudit = (): UseQueryResult<ListAuditResponse> =>
	useQuery({ queryKey: ["audit"], queryFn: ({ signal }) => api.audit.list({ limit: auditShown }, { signal }) });

export const useControllers = (): UseQueryResult<ListedController[]> =>
	useQuery({
		queryKey: ["controllers"],
		queryFn: async ({ signal }) => (await api.controllers.list({}, { signal })).controllers,
	});

export const useTechnicians = (): UseQueryResult<Technician[]> =>
	useQuery({
		queryKey: ["technicians"],
		queryFn: async ({ signal }) => (await api.node.technicians({}, { signal })).technicians,
	});
