import { later } from "../lib/later";

/** One click away from a device's page, which fetches it ahead. */
export const Desktop = later(() => import("./Desktop"));
