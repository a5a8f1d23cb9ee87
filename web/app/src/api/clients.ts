import { Code, ConnectError, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { AuditService } from "../gen/audit_pb";
import { CareService } from "../gen/care_pb";
import { ConsoleService, FoundService } from "../gen/console_pb";
import { ControllersService } from "../gen/controllers_pb";
import { InviteService, NodeService, PolicyService, SessionService } from "../gen/local_pb";
import { MeaningService } from "../gen/meaning_pb";
import { currentBearer, expire } from "./bearer";

const authorize: Interceptor = (next) => async (req) => {
	req.header.set("Authorization", `Bearer ${currentBearer()}`);
	try {
		return await next(req);
	} catch (e) {
		if (e instanceof ConnectError && e.code === Code.Unauthenticated) {
			expire();
		}
		throw e;
	}
};

function browserTransport(): Transport {
	return createConnectTransport({
		baseUrl: location.origin,
		useBinaryFormat: true,
		interceptors: [authorize],
	});
}

function clientsOver(t: Transport) {
	return {
		node: createClient(NodeService, t),
		invites: createClient(InviteService, t),
		policy: createClient(PolicyService, t),
		sessions: createClient(SessionService, t),
		audit: createClient(AuditService, t),
		meaning: createClient(MeaningService, t),
		care: createClient(CareService, t),
		controllers: createClient(ControllersService, t),
		console: createClient(ConsoleService, t),
		found: createClient(FoundService, t),
	};
}

export const api = clientsOver(browserTransport());
