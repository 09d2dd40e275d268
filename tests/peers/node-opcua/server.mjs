// An OPC UA server by other authors, with security on: what our client is tried against.
// Usage: node server.mjs PORT FOLDER. Says on stdout that it is ready, with its certificate; ends when stdin ends.
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import {
  DataType,
  MessageSecurityMode,
  OPCUACertificateManager,
  OPCUAServer,
  SecurityPolicy,
  StatusCodes,
  Variant,
  VariantArrayType,
  standardUnits,
} from "node-opcua";

const [port, folder] = [Number(process.argv[2]), process.argv[3]];
const NAMESPACE = "urn:barrio:node:plant";
const APPLICATION = "urn:barrio:node:server";

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));

mkdirSync(folder, { recursive: true });
const managers = ["pki", "users"].map(
  (name) => new OPCUACertificateManager({ rootFolder: path.join(folder, name), automaticallyAcceptUnknownCertificate: false }),
);
await Promise.all(managers.map((one) => one.initialize()));

const server = new OPCUAServer({
  port,
  hostname: "127.0.0.1",
  resourcePath: "/plant",
  buildInfo: { productName: "node-opcua peer", softwareVersion: "1" },
  serverInfo: { applicationUri: APPLICATION },
  serverCertificateManager: managers[0],
  userCertificateManager: managers[1],
  securityModes: [MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
  securityPolicies: [
    SecurityPolicy.Basic256Sha256,
    SecurityPolicy.Aes128_Sha256_RsaOaep,
    SecurityPolicy.Aes256_Sha256_RsaPss,
  ],
  allowAnonymous: true,
  userManager: { isValidUser: (name, password) => name === "operator" && password === "open sesame" },
  isAuditing: false,
});
await server.initialize();

const space = server.engine.addressSpace;
const namespace = space.registerNamespace(NAMESPACE);
space.installAlarmsAndConditionsService();
const plant = namespace.addObject({
  organizedBy: space.rootFolder.objects,
  browseName: "Plant",
  nodeId: "s=Plant",
  notifierOf: space.rootFolder.objects.server,
  eventNotifier: 1,
});
const add = (name, dataType, value, more = {}) => {
  const node = namespace.addVariable({
    componentOf: plant,
    browseName: name,
    nodeId: `s=Plant.${name}`,
    dataType,
    accessLevel: "CurrentRead",
    userAccessLevel: "CurrentRead",
    ...more,
  });
  node.setValueFromSource({ dataType, value, ...(Array.isArray(value) && { arrayType: VariantArrayType.Array }) });
  return node;
};

const supply = namespace.addAnalogDataItem({
  componentOf: plant,
  browseName: "SupplyTemperature",
  nodeId: "s=Plant.SupplyTemperature",
  dataType: DataType.Double,
  engineeringUnitsRange: { low: -20, high: 60 },
  engineeringUnits: standardUnits.degree_celsius,
});
supply.setValueFromSource({ dataType: DataType.Double, value: 21.5 });
add("Zones", DataType.Double, [18, 19, 20], { valueRank: 1, arrayDimensions: [3] });
add("Count", DataType.UInt32, 0);
add("Setpoint", DataType.Float, 20, {
  accessLevel: "CurrentRead | CurrentWrite",
  userAccessLevel: "CurrentRead | CurrentWrite",
});
add("Label", DataType.String, "hello");
add("Bad", DataType.Double, 0).setValueFromSource({ dataType: DataType.Double, value: 0 }, StatusCodes.BadSensorFailure);

namespace
  .addMultiStateDiscrete({
    componentOf: plant,
    browseName: "Mode",
    nodeId: "s=Plant.Mode",
    enumStrings: ["Off", "Auto", "Manual"],
    value: 1,
  });

const many = namespace.addObject({ organizedBy: plant, browseName: "Many", nodeId: "s=Many" });
for (let at = 0; at < 450; at += 1) {
  const node = namespace.addVariable({
    componentOf: many,
    browseName: `Number${at}`,
    nodeId: `s=Many.${at}`,
    dataType: DataType.Double,
    accessLevel: "CurrentRead",
  });
  node.setValueFromSource({ dataType: DataType.Double, value: at });
}

const counter = add("Counter", DataType.Double, 0, {
  accessLevel: "CurrentRead | HistoryRead",
  userAccessLevel: "CurrentRead | HistoryRead",
});
space.installHistoricalDataNode(counter, { maxOnlineValues: 1000 });
let ticks = 0;
const clock = setInterval(() => {
  ticks += 1;
  counter.setValueFromSource({ dataType: DataType.Double, value: ticks });
}, 100);

const reset = namespace.addMethod(plant, {
  browseName: "Reset",
  nodeId: "s=Plant.Reset",
  inputArguments: [{ name: "to", dataType: DataType.Double }],
  outputArguments: [],
});
reset.bindMethod((inputs, _context, callback) => {
  ticks = inputs[0].value;
  callback(null, { statusCode: StatusCodes.Good, outputArguments: [] });
});

const level = add("Level", DataType.Double, 1, {
  accessLevel: "CurrentRead | CurrentWrite",
  userAccessLevel: "CurrentRead | CurrentWrite",
});
level.addReference({ referenceType: "HasEventSource", isForward: false, nodeId: plant.nodeId });
namespace.instantiateExclusiveLimitAlarm("ExclusiveLimitAlarmType", {
  browseName: "LevelAlarm",
  nodeId: "s=Plant.LevelAlarm",
  conditionSource: level,
  componentOf: plant,
  inputNode: level,
  highLimit: 10,
  lowLimit: -10,
  optionals: ["ConfirmedState", "Confirm"],
});

await server.start();
console.log(JSON.stringify({ ready: true, certificate: readFileSync(server.certificateFile, "ascii") }));
process.on("SIGTERM", async () => {
  clearInterval(clock);
  await server.shutdown(0);
  process.exit(0);
});
