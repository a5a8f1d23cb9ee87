/** The device of an address: by its id, or by its name, which a member has and those before it had. */
export function deviceOf<D extends { id: string; name: string; revoked: boolean }>(devices: readonly D[], word: string | undefined): D | undefined {
	return devices.find((d) => d.id === word) ?? devices.find((d) => d.name === word && !d.revoked) ?? devices.find((d) => d.name === word);
}
