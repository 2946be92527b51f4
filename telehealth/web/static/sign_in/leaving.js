/** How staff leave.  Public face: signOut() */
import { api } from "../shared/api.js";

/** End the login session here; whoever is signed out already ends up at the same door. */
export async function signOut() {
  try {
    await api.post("/v1/sign-out");
  } finally {
    location.assign("/sign-in");
  }
}
